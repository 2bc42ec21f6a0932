#include "base/lang.h"

#include <ctype.h>
#include <strings.h>

/* The weight of one language range's parameters, ";q=0.8": 1 without. */
static double weight_of(const char *parameters, const char *end)
{
    for (const char *at = parameters; at + 2 < end; at++)
        if ((at[0] == 'q' || at[0] == 'Q') && at[1] == '=')
            return strtod(at + 2, NULL);
    return 1.0;
}

enum lang lang_from_header(const char *accept_language)
{
    double chinese = 0, english = 0;
    for (const char *at = accept_language; at != NULL && *at != '\0';) {
        while (*at == ',' || isspace((unsigned char)*at))
            at++;
        size_t length = strcspn(at, ",");
        double weight = weight_of(at, at + length);
        if (strncasecmp(at, "zh", 2) == 0 && weight > chinese)
            chinese = weight;
        if (strncasecmp(at, "en", 2) == 0 && weight > english)
            english = weight;
        at += length;
    }
    return english > chinese ? LANG_EN : LANG_ZH;
}

enum lang lang_from_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return strncasecmp(value, "zh", 2) == 0 ? LANG_ZH : LANG_EN;
    }
    return LANG_EN;
}
