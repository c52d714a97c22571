/* Variable arguments by clang's builtins. Glibc's __need___va_list is honoured. */
#ifndef BARRIERLINT_GNUC_VA_LIST
#define BARRIERLINT_GNUC_VA_LIST
typedef __builtin_va_list __gnuc_va_list;
#define __GNUC_VA_LIST
#endif
#ifdef __need___va_list
#undef __need___va_list
#elif !defined(BARRIERLINT_STDARG_H)
#define BARRIERLINT_STDARG_H
typedef __builtin_va_list va_list;
#define _VA_LIST_DEFINED
#define va_start(list, ...) __builtin_va_start(list, __VA_ARGS__)
#define va_end(list) __builtin_va_end(list)
#define va_arg(list, type) __builtin_va_arg(list, type)
#define va_copy(to, from) __builtin_va_copy(to, from)
#define __va_copy(to, from) __builtin_va_copy(to, from)
#endif
