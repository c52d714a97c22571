/* The word size of the target, where the machine's own glibc headers are those of another architecture. */
#ifdef __LP64__
#define __WORDSIZE 64
#else
#define __WORDSIZE 32
#endif
#define __WORDSIZE_TIME64_COMPAT32 0
