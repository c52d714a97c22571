typedef unsigned long u64;
typedef struct { u64 bits; } pte_t;

unsigned map_and_read(pte_t *table, u64 va, u64 pa)
{
	table[va >> 12 & 511].bits = pa | 0x703;
	/* here */
	return *(volatile unsigned *)va;
}
