/* Arm C Language Extensions: barriers, hints, system registers, and what of the rest kernels use, by clang's builtins. */
#ifndef BARRIERLINT_ARM_ACLE_H
#define BARRIERLINT_ARM_ACLE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__aarch64__) || defined(__arm__)
#define __dmb(option) __builtin_arm_dmb(option)
#define __dsb(option) __builtin_arm_dsb(option)
#define __isb(option) __builtin_arm_isb(option)
#define __nop() __builtin_arm_nop()
#define __yield() __builtin_arm_yield()
#define __wfe() __builtin_arm_wfe()
#define __wfi() __builtin_arm_wfi()
#define __sev() __builtin_arm_sev()
#define __sevl() __builtin_arm_sevl()

#define __arm_rsr(name) __builtin_arm_rsr(name)
#define __arm_rsr64(name) __builtin_arm_rsr64(name)
#define __arm_rsrp(name) __builtin_arm_rsrp(name)
#define __arm_wsr(name, value) __builtin_arm_wsr(name, value)
#define __arm_wsr64(name, value) __builtin_arm_wsr64(name, value)
#define __arm_wsrp(name, value) __builtin_arm_wsrp(name, value)
#define __arm_rsr128(name) __builtin_arm_rsr128(name)
#define __arm_wsr128(name, value) __builtin_arm_wsr128(name, value)

#define __pld(address) __builtin_prefetch(address, 0, 3)
#define __rbit(value) __builtin_arm_rbit(value)
#define __rbitll(value) __builtin_arm_rbit64(value)
#endif

static __inline__ uint32_t __clz(uint32_t value) { return value ? (uint32_t)__builtin_clz(value) : 32; }
static __inline__ unsigned int __clzll(uint64_t value) { return value ? (unsigned int)__builtin_clzll(value) : 64; }
static __inline__ uint32_t __rev(uint32_t value) { return __builtin_bswap32(value); }
static __inline__ uint64_t __revll(uint64_t value) { return __builtin_bswap64(value); }
static __inline__ uint32_t __ror(uint32_t value, uint32_t by)
{
	by %= 32;
	return by ? (value >> by) | (value << (32 - by)) : value;
}
static __inline__ uint64_t __rorll(uint64_t value, uint32_t by)
{
	by %= 64;
	return by ? (value >> by) | (value << (64 - by)) : value;
}

#ifdef __cplusplus
}
#endif
#endif
