/* The vector types of Advanced SIMD; its hundreds of functions are left undeclared and reported where they are used. */
#ifndef BARRIERLINT_ARM_NEON_H
#define BARRIERLINT_ARM_NEON_H
#include <stdint.h>

typedef signed char int8x8_t __attribute__((vector_size(8)));
typedef signed char int8x16_t __attribute__((vector_size(16)));
typedef signed short int16x4_t __attribute__((vector_size(8)));
typedef signed short int16x8_t __attribute__((vector_size(16)));
typedef signed int int32x2_t __attribute__((vector_size(8)));
typedef signed int int32x4_t __attribute__((vector_size(16)));
typedef signed long int64x1_t __attribute__((vector_size(8)));
typedef signed long int64x2_t __attribute__((vector_size(16)));
typedef unsigned char uint8x8_t __attribute__((vector_size(8)));
typedef unsigned char uint8x16_t __attribute__((vector_size(16)));
typedef unsigned short uint16x4_t __attribute__((vector_size(8)));
typedef unsigned short uint16x8_t __attribute__((vector_size(16)));
typedef unsigned int uint32x2_t __attribute__((vector_size(8)));
typedef unsigned int uint32x4_t __attribute__((vector_size(16)));
typedef unsigned long uint64x1_t __attribute__((vector_size(8)));
typedef unsigned long uint64x2_t __attribute__((vector_size(16)));
typedef float float32x2_t __attribute__((vector_size(8)));
typedef float float32x4_t __attribute__((vector_size(16)));
typedef double float64x1_t __attribute__((vector_size(8)));
typedef double float64x2_t __attribute__((vector_size(16)));
typedef float float32_t;
typedef double float64_t;
#endif
