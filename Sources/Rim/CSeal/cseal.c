// CRC-32C: the instruction where there is one (x86-64 with SSE 4.2, ARMv8 with the CRC extension),
// slice-by-8 tables elsewhere (ARMv7). Chosen once, before main.
// One stream of the instruction reads a 4 KiB page in half a microsecond, a two-hundredth of the
// flush that follows it: interleaving three streams would cost tables for nothing that is felt.

#include "cseal.h"

#include <sodium.h>
#include <string.h>

#if defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#elif defined(__x86_64__)
#include <nmmintrin.h>
#endif

// tables[0] is the usual byte table of the reflected polynomial; tables[k] advances it by k zero
// bytes, so that eight look-ups, which do not wait for one another, take eight bytes.
static uint32_t tables[8][256];

static void make_tables(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1u)));
    tables[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; i++)
    for (int k = 1; k < 8; k++)
      tables[k][i] = (tables[k - 1][i] >> 8) ^ tables[0][tables[k - 1][i] & 0xff];
}

uint32_t tk_crc32c_portable(uint32_t start, const uint8_t *p, size_t count) {
  uint32_t crc = ~start;
  for (; count >= 8; p += 8, count -= 8) {
    const uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                                (uint32_t)p[3] << 24);
    crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
          tables[4][low >> 24] ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^
          tables[0][p[7]];
  }
  for (; count > 0; p++, count--) crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xff];
  return ~crc;
}

#if defined(__x86_64__)
#define BY_INSTRUCTION __attribute__((target("sse4.2")))
#define STEP_8(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define STEP_1(crc, byte) _mm_crc32_u8(crc, byte)
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__aarch64__)
#if defined(__clang__)
#define BY_INSTRUCTION __attribute__((target("crc")))
#else
#define BY_INSTRUCTION __attribute__((target("+crc")))
#endif
#define STEP_8(crc, word) __crc32cd(crc, word)
#define STEP_1(crc, byte) __crc32cb(crc, byte)
static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
#endif

#if defined(BY_INSTRUCTION)
BY_INSTRUCTION static uint32_t crc32c_by_instruction(
    uint32_t start, const uint8_t *p, size_t count) {
  uint32_t crc = ~start;
  for (; count >= 8; p += 8, count -= 8) {
    uint64_t word;  // both processors are little-endian, as the reflected CRC wants it
    memcpy(&word, p, sizeof word);
    crc = STEP_8(crc, word);
  }
  for (; count > 0; p++, count--) crc = STEP_1(crc, *p);
  return ~crc;
}
#endif

static uint32_t (*chosen)(uint32_t, const uint8_t *, size_t) = tk_crc32c_portable;

__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
#if defined(BY_INSTRUCTION)
  if (has_instruction()) chosen = crc32c_by_instruction;
#endif
  make_tables();
}

uint32_t tk_crc32c(uint32_t start, const uint8_t *bytes, size_t count) {
  return chosen(start, bytes, count);
}

void tk_hash2(
    uint8_t out[32], const uint8_t *first, size_t first_count, const uint8_t *second,
    size_t second_count) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, NULL, 0, 32);
  crypto_generichash_update(&state, first, first_count);
  crypto_generichash_update(&state, second, second_count);
  crypto_generichash_final(&state, out, 32);
}
