// What libsodium has no function for, or none that Swift can call well: CRC-32C by instruction, and
// BLAKE2b over two runs of bytes (its state wants 64-byte alignment, which Swift does not give).
#pragma once
#include <stddef.h>
#include <stdint.h>

// CRC-32C (RFC 3720, B.4) of `count` bytes, continued from `start`: 0 at first, else the value so far.
uint32_t tk_crc32c(uint32_t start, const uint8_t *bytes, size_t count);

// The same by tables alone: what `tk_crc32c` is where the processor has no instruction for it.
uint32_t tk_crc32c_portable(uint32_t start, const uint8_t *bytes, size_t count);

// BLAKE2b-256 of `first` and then `second`. Either may be empty (and then NULL).
void tk_hash2(
    uint8_t out[32], const uint8_t *first, size_t first_count, const uint8_t *second,
    size_t second_count);
