/* What 'stance quantize' tells: a table of layers in the terminal, and a page with histograms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quantize_command.h"

enum { BARS = 60, WIDTH = 180, HEIGHT = 36 };

const char *quantize_role_name(int role)
{
    static const char *const names[] = {"body", "first", "attention", "head", "other"};
    return names[role];
}

double quantize_share(const struct quantize_job *job)
{
    int64_t all = 0, quantized = 0;
    for (int i = 0; i < job->layer_count; i++) {
        struct stance_quantize_layer layer;
        if (stance_quantizer_layer(job->quantizer, i, &layer) < 0)
            continue;
        all += layer.multiply_adds;
        quantized += layer.quantized ? layer.multiply_adds : 0;
    }
    return all ? (double)quantized / (double)all : 0;
}

/* Of all multiply-adds, in percent. */
static double layer_share(const struct quantize_job *job, int64_t multiply_adds)
{
    double all = 0;
    for (int i = 0; i < job->layer_count; i++) {
        struct stance_quantize_layer layer;
        if (stance_quantizer_layer(job->quantizer, i, &layer) == 0)
            all += (double)layer.multiply_adds;
    }
    return all > 0 ? 100 * (double)multiply_adds / all : 0;
}

static const char *decision(const struct stance_quantize_layer *layer)
{
    return layer->quantized                    ? "int8"
           : layer->role == STANCE_LAYER_OTHER ? "float: not a convolution over maps"
           : layer->role == STANCE_LAYER_BODY  ? "float: fragile"
                                               : "float: by role";
}

/* "0.0012", or "" where it was not measured. */
static const char *drop_text(const struct quantize_job *job, int i, char text[16])
{
    snprintf(text, 16, "%.5f", job->drops[i]);
    return isnan(job->drops[i]) ? "" : text;
}

void quantize_print_table(const struct quantize_job *job)
{
    char text[16];
    printf("%-44s %-9s %6s %8s %8s  %s\n", "layer", "role", "madds", "error", "drop", "decision");
    for (int i = 0; i < job->layer_count; i++) {
        struct stance_quantize_layer layer;
        if (stance_quantizer_layer(job->quantizer, i, &layer) < 0)
            continue;
        size_t length = strlen(layer.name);
        printf("%-44s %-9s %5.1f%% %8.5f %8s  %s\n", layer.name + (length > 44 ? length - 44 : 0),
               quantize_role_name(layer.role), layer_share(job, layer.multiply_adds), layer.error,
               drop_text(job, i, text), decision(&layer));
    }
}

/* ---- The page ---- */

static void write_escaped(FILE *file, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", file); break;
        case '&': fputs("&amp;", file); break;
        case '"': fputs("&quot;", file); break;
        default: fputc(*text, file);
        }
}

static double bar_of(const struct stance_quantize_layer *layer, int bin)
{
    double width = ((double)layer->bin_high - (double)layer->bin_low) / layer->bin_count;
    double value = (double)layer->bin_low + (bin + 0.5) * width;
    double span = (double)layer->most - (double)layer->least;
    return span > 0 ? (value - (double)layer->least) / span * BARS : 0;
}

/* How often values were seen, on a logarithmic scale, over the range that bytes have. */
static void write_histogram(FILE *file, const struct stance_quantize_layer *layer)
{
    double bars[BARS] = {0}, highest = 0, span = (double)layer->most - (double)layer->least;
    if (!layer->bins || !(span > 0))
        return;
    for (int i = 0; i < layer->bin_count; i++) {
        int bar = (int)fmin(fmax(bar_of(layer, i), 0), BARS - 1);
        bars[bar] += (double)layer->bins[i];
    }
    for (int i = 0; i < BARS; i++)
        highest = fmax(highest, log1p(bars[i]));
    double low = ((double)layer->low - (double)layer->least) / span * WIDTH;
    double high = ((double)layer->high - (double)layer->least) / span * WIDTH;
    fprintf(file,
            "<svg width=\"%d\" height=\"%d\" role=\"img\" aria-label=\"histogram\">"
            "<rect class=\"range\" x=\"%.1f\" width=\"%.1f\" height=\"%d\"/>",
            WIDTH, HEIGHT, low, fmax(high - low, 1), HEIGHT);
    for (int i = 0; i < BARS; i++) {
        double height = highest > 0 ? log1p(bars[i]) / highest * HEIGHT : 0;
        fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                (double)i * WIDTH / BARS, HEIGHT - height, (double)WIDTH / BARS - 0.5, height);
    }
    fputs("</svg>", file);
}

static void write_row(const struct quantize_job *job, FILE *file, int i)
{
    struct stance_quantize_layer layer;
    char text[16];
    if (stance_quantizer_layer(job->quantizer, i, &layer) < 0)
        return;
    fprintf(file, "<tr class=\"%s\"><td>", layer.quantized ? "int8" : "float");
    write_escaped(file, layer.name);
    fprintf(file,
            "<td>%s<td>%s<td class=\"number\">%.2f<td class=\"number\">%.5f"
            "<td class=\"number\">%s<td>%s<td>",
            layer.type, quantize_role_name(layer.role), layer_share(job, layer.multiply_adds),
            layer.error, drop_text(job, i, text), decision(&layer));
    if (layer.method)
        fprintf(file, "%s<br>%.3g … %.3g<br><small>seen %.3g … %.3g</small>", layer.method,
                (double)layer.low, (double)layer.high, (double)layer.least, (double)layer.most);
    fputs("<td>", file);
    write_histogram(file, &layer);
    fputs("\n", file);
}

static void write_head(const struct quantize_job *job, FILE *file)
{
    const struct stance_agreement_numbers *n = &job->numbers;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Quantised: ",
          file);
    write_escaped(file, job->name);
    fputs("</title>\n<style>\n"
          "body{font:15px/1.4 system-ui,sans-serif;margin:2em;color:#223;background:#fff}\n"
          "table{border-collapse:collapse}th,td{padding:.3em .7em;text-align:left;"
          "border-bottom:1px solid #dde;vertical-align:middle}\n"
          "th{position:sticky;top:0;background:#fff}td:first-child{overflow-wrap:anywhere;"
          "max-width:22em}\n"
          ".number{text-align:right;font-variant-numeric:tabular-nums}\n"
          ".float{background:#fff3e2}svg rect{fill:#3367b0}svg .range{fill:#cfe3cf}\n"
          "td:nth-child(8){white-space:nowrap}small{color:#667}\n</style>\n<h1>",
          file);
    write_escaped(file, job->name);
    fprintf(file, " in int8</h1>\n<p><b>%.1f %%</b> of the multiply-adds are in int8.",
            100 * quantize_share(job));
    if (!job->values.roles_only)
        fprintf(file,
                " Against the float network's answers: <b>%s %.4f</b> on %d people in %d pictures, "
                "where 1 is the same; %.4f is lost, at most %.4f was asked for.",
                quantize_metric(job), n->likeness, n->people, n->pictures, job->drop,
                (double)job->values.max_drop);
    if (!job->values.roles_only && job->role != STANCE_ROLE_DETECTOR)
        fprintf(file, " Keypoints are %.2f pixels away on average.", n->pixels);
    fputs(
        "</p>\n<p>Error: of the layer's output, squared, over the output's square, when this layer "
        "alone rounds.\nDrop: what the whole network loses when this layer alone is in int8. "
        "Ranges are of what the layer\nreads: green is what bytes hold, bars are what was seen, on "
        "a logarithmic scale.</p>\n"
        "<table>\n<tr><th>layer<th>type<th>role<th>multiply-adds, "
        "%<th>error<th>drop<th>decision<th>range<th>seen\n",
        file);
}

int quantize_write_report(const struct quantize_job *job)
{
    const char *path = job->values.report;
    char part[4096];
    int length = snprintf(part, sizeof part, "%s.part-%ld", path, (long)getpid());
    FILE *file = length > 0 && (size_t)length < sizeof part ? fopen(part, "w") : NULL;
    if (!file)
        return cli_fail(CLI_FAILED, "cannot write the report '%s'", path);
    write_head(job, file);
    for (int i = 0; i < job->layer_count; i++)
        write_row(job, file, i);
    fputs("</table>\n</html>\n", file);
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    if (!failed && rename(part, path) == 0)
        return CLI_OK;
    unlink(part);
    return cli_fail(CLI_FAILED, "cannot write the report '%s'", path);
}
