/* The two languages of everything that people read. */
#ifndef BASE_LANG_H
#define BASE_LANG_H

enum lang { LANG_ZH, LANG_EN };

/* From an Accept-Language header (RFC 9110, weights honoured): English when it is preferred to Chinese, else Chinese,
 * which is what the hub's clients know. NULL is Chinese. */
enum lang lang_from_header(const char *accept_language);

/* From LC_ALL, LC_MESSAGES or LANG: Chinese for zh*, else English, as terminals expect. */
enum lang lang_from_environment(void);

#endif
