/* TOML (1.0, by toml++) as JSON text: what price tables in TOML are read by.
 *
 * Floats are taken from the text, so that they keep every digit; "inf" and "nan" become 1e999, which no price may be.
 * Dates become strings.
 */
#ifndef PRICES_TOML_H
#define PRICES_TOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct toml_fault {
    char what[256]; /* English, technical */
    size_t line, column;
};

/* The document as one JSON object, zero-terminated; the caller frees it. NULL with `fault`. */
char *toml_to_json(const char *text, size_t size, struct toml_fault *fault);

#ifdef __cplusplus
}
#endif

#endif
