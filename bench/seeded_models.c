/* Writes networks of true structure and seeded weights for measuring: "seeded_models NAME…" prints
 * the path of each, made on first use in $XDG_CACHE_HOME; a line is empty where the structure is
 * missing. */
#include <stdio.h>

#include "support/support.h"

int main(int count, char **names)
{
    for (int i = 1; i < count; i++) {
        char path[4096];
        puts(support_synth_model(names[i], path, sizeof path) ? path : "");
    }
    return 0;
}
