/* Sizes, offsets and the null pointer, from what clang predefines. Glibc's __need_* protocol is honoured. */
#if !defined(BARRIERLINT_STDDEF_ALL) || defined(__need_size_t) || defined(__need_NULL) || defined(__need_ptrdiff_t) || \
    defined(__need_wchar_t) || defined(__need_wint_t)

#if !defined(__need_size_t) && !defined(__need_NULL) && !defined(__need_ptrdiff_t) && !defined(__need_wchar_t) && \
    !defined(__need_wint_t)
#define BARRIERLINT_STDDEF_ALL
#define __need_size_t
#define __need_ptrdiff_t
#define __need_wchar_t
#define __need_NULL
#define BARRIERLINT_STDDEF_REST
#endif

#if defined(__need_size_t)
typedef __SIZE_TYPE__ size_t;
#undef __need_size_t
#endif
#if defined(__need_ptrdiff_t)
typedef __PTRDIFF_TYPE__ ptrdiff_t;
#undef __need_ptrdiff_t
#endif
#if defined(__need_wchar_t)
#ifndef __cplusplus
typedef __WCHAR_TYPE__ wchar_t;
#endif
#undef __need_wchar_t
#endif
#if defined(__need_wint_t)
typedef __WINT_TYPE__ wint_t;
#undef __need_wint_t
#endif
#if defined(__need_NULL)
#undef NULL
#ifdef __cplusplus
#define NULL __null
#else
#define NULL ((void *)0)
#endif
#undef __need_NULL
#endif

#ifdef BARRIERLINT_STDDEF_REST
#undef BARRIERLINT_STDDEF_REST
#undef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#ifdef __cplusplus
namespace std {
typedef decltype(nullptr) nullptr_t;
}
using std::nullptr_t;
#endif
typedef struct {
	long long barrierlint_max_ll __attribute__((aligned(__alignof__(long long))));
	long double barrierlint_max_ld __attribute__((aligned(__alignof__(long double))));
} max_align_t;
#endif

#endif
