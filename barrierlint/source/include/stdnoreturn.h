/* noreturn for C. */
#ifndef BARRIERLINT_STDNORETURN_H
#define BARRIERLINT_STDNORETURN_H
#define noreturn _Noreturn
#define __noreturn_is_defined 1
#endif
