/* The opaque types of the unwinder: enough for headers that name them. */
#ifndef BARRIERLINT_UNWIND_H
#define BARRIERLINT_UNWIND_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
typedef enum { _URC_NO_REASON = 0, _URC_END_OF_STACK = 5, _URC_CONTINUE_UNWIND = 8 } _Unwind_Reason_Code;
typedef uintptr_t _Unwind_Word;
typedef uintptr_t _Unwind_Ptr;
typedef uint64_t _Unwind_Exception_Class;
typedef int _Unwind_Action;
struct _Unwind_Context;
struct _Unwind_Exception;
typedef void (*_Unwind_Exception_Cleanup_Fn)(_Unwind_Reason_Code, struct _Unwind_Exception *);
struct _Unwind_Exception {
	_Unwind_Exception_Class exception_class;
	_Unwind_Exception_Cleanup_Fn exception_cleanup;
	_Unwind_Word private_1;
	_Unwind_Word private_2;
};
#ifdef __cplusplus
}
#endif
#endif
