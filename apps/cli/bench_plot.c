/* The roofline of a network as an SVG picture: how many operations an operator does with each byte, and
 * how many a second; above it the limits of arithmetic and of copying. Readable on light and dark. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_command.h"

enum { WIDTH = 860, HEIGHT = 520, LEFT = 70, RIGHT = 190, TOP = 46, BOTTOM = 54, COLOURS = 7 };

/* Logarithmic axes, as powers of ten. */
struct plot {
    FILE *file;
    double x0, x1, y0, y1;
    const char *kernels[COLOURS]; /* the last one stands for all others */
    int kernel_count;
};

static double across(const struct plot *plot, double intensity)
{
    double at = (log10(intensity) - plot->x0) / (plot->x1 - plot->x0);
    return LEFT + at * (WIDTH - LEFT - RIGHT);
}

static double down(const struct plot *plot, double gflops)
{
    double at = (log10(gflops) - plot->y0) / (plot->y1 - plot->y0);
    return HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM);
}

static void write_text(FILE *file, const char *text)
{
    for (const char *c = text; *c; c++)
        switch (*c) {
        case '&': fputs("&amp;", file); break;
        case '<': fputs("&lt;", file); break;
        case '>': fputs("&gt;", file); break;
        default: fputc((unsigned char)*c < ' ' ? ' ' : *c, file);
        }
}

static bool shown(const struct bench_operator *o)
{
    return o->intensity > 0 && o->gflops > 0;
}

static bool has_bytes(const struct bench_operators *operators)
{
    for (int i = 0; i < operators->count; i++)
        if (operators->list[i].bytes)
            return true;
    return false;
}

/* Whole powers of ten around all that is shown. */
static void choose_range(struct plot *plot, const struct bench_operators *operators)
{
    const struct stance_limits *limits = &operators->limits;
    double ridge = limits->float_gflops / limits->memory_gb_s;
    double x0 = ridge / 10, x1 = ridge * 10, y0 = limits->float_gflops / 100;
    double y1 = 1.5 * (has_bytes(operators) ? limits->byte_gops : limits->float_gflops);
    for (int i = 0; i < operators->count; i++) {
        const struct bench_operator *o = &operators->list[i];
        if (!shown(o))
            continue;
        x0 = fmin(x0, o->intensity);
        x1 = fmax(x1, o->intensity);
        y0 = fmin(y0, o->gflops);
        y1 = fmax(y1, o->gflops);
    }
    plot->x0 = floor(log10(x0));
    plot->x1 = ceil(log10(x1));
    plot->y0 = fmax(floor(log10(y0)), -2); /* slower ones lie on the lower edge */
    plot->y1 = ceil(log10(y1));
}

/* One for each kernel; for each type of operators that have but one. The slowest come first. */
static int colour_of(struct plot *plot, const struct bench_operator *o)
{
    const char *kernel = o->step.method[0] ? o->step.method : o->step.type;
    for (int i = 0; i < plot->kernel_count; i++)
        if (strcmp(plot->kernels[i], kernel) == 0)
            return i;
    if (plot->kernel_count == COLOURS - 1) {
        plot->kernels[COLOURS - 1] = "others";
        return COLOURS - 1;
    }
    plot->kernels[plot->kernel_count] = kernel;
    return plot->kernel_count++;
}

static void begin(const struct plot *plot, const char *title)
{
    fprintf(plot->file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    fputs(
        "<style>\n"
        "text { fill: #24292f } .grid { stroke: #8884 } .roof { stroke: #24292f; fill: none; "
        "stroke-width: 2 }\n"
        ".c0 { fill: #3574c4 } .c1 { fill: #d1701f } .c2 { fill: #3d9448 } .c3 { fill: #a24bb0 }\n"
        ".c4 { fill: #c2403c } .c5 { fill: #138f96 } .c6 { fill: #808080 }\n"
        ".paper { fill: #fff } circle { opacity: .75 }\n"
        "@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .paper { fill: #0d1117 } "
        ".roof { stroke: #e6edf3 } }\n"
        "</style>\n",
        plot->file);
    fprintf(plot->file, "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n", WIDTH, HEIGHT);
    fprintf(plot->file, "<text x=\"%d\" y=\"26\" font-size=\"16\">", LEFT);
    write_text(plot->file, title);
    fputs("</text>\n", plot->file);
}

static void draw_axes(const struct plot *plot)
{
    for (int x = (int)plot->x0; x <= (int)plot->x1; x++) {
        double at = across(plot, pow(10, x));
        fprintf(plot->file, "<path class=\"grid\" d=\"M%.1f %d V%d\"/>\n", at, TOP,
                HEIGHT - BOTTOM);
        fprintf(plot->file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", at,
                HEIGHT - BOTTOM + 18, pow(10, x));
    }
    for (int y = (int)plot->y0; y <= (int)plot->y1; y++) {
        double at = down(plot, pow(10, y));
        fprintf(plot->file, "<path class=\"grid\" d=\"M%d %.1f H%d\"/>\n", LEFT, at, WIDTH - RIGHT);
        fprintf(plot->file, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8,
                at + 4, pow(10, y));
    }
    fprintf(plot->file, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">operations a byte</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12);
    fprintf(
        plot->file,
        "<text transform=\"translate(18 %d) rotate(-90)\" text-anchor=\"middle\">GFLOP/s</text>\n",
        (TOP + HEIGHT - BOTTOM) / 2);
}

/* One bandwidth's slope up to the arithmetic's ceiling; it begins where it enters the picture. */
static void draw_roof(const struct plot *plot, double gb_s, double gflops, const char *dashes)
{
    double x = fmax(pow(10, plot->x0), pow(10, plot->y0) / gb_s);
    fprintf(plot->file, "<path class=\"roof\"%s d=\"M%.1f %.1f L%.1f %.1f H%d\"/>\n", dashes,
            across(plot, x), down(plot, x * gb_s), across(plot, fmax(x, gflops / gb_s)),
            down(plot, gflops), WIDTH - RIGHT);
}

static void draw_operators(struct plot *plot, const struct bench_operators *operators)
{
    for (int i = 0; i < operators->count; i++) {
        const struct bench_operator *o = &operators->list[i];
        if (!shown(o))
            continue;
        fprintf(plot->file, "<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>",
                colour_of(plot, o), across(plot, o->intensity),
                fmin(down(plot, o->gflops), HEIGHT - BOTTOM), 3 + 30 * sqrt(o->share));
        write_text(plot->file, o->step.type);
        fputs(" ", plot->file);
        write_text(plot->file, o->step.method);
        fprintf(plot->file, " %s: %.1f µs, %.1f GFLOP/s, %.1f GB/s</title></circle>\n",
                o->step.shape, o->us, o->gflops, o->gb_s);
    }
}

static void draw_legend(const struct plot *plot, const struct bench_operators *operators)
{
    const struct stance_limits *limits = &operators->limits;
    int x = WIDTH - RIGHT + 18, y = TOP + 10;
    double without = 0;
    for (int i = 0; i < COLOURS && plot->kernels[i]; i++, y += 22) {
        fprintf(plot->file,
                "<circle class=\"c%d\" cx=\"%d\" cy=\"%d\" r=\"6\"/><text x=\"%d\" "
                "y=\"%d\">",
                i, x, y - 4, x + 14, y);
        write_text(plot->file, plot->kernels[i]);
        fputs("</text>\n", plot->file);
    }
    for (int i = 0; i < operators->count; i++)
        without += shown(&operators->list[i]) ? 0 : operators->list[i].share;
    const char *line = "<text x=\"%d\" y=\"%d\">%s %.0f %s</text>\n";
    y += 12;
    fprintf(plot->file, line, x - 6, y, "ceiling:", limits->float_gflops, "GFLOP/s");
    fprintf(plot->file, line, x - 6, y + 20, "memory:", limits->memory_gb_s, "GB/s");
    fprintf(plot->file, line, x - 6, y + 40, "cache (dashed):", limits->cache_gb_s, "GB/s");
    if (has_bytes(operators))
        fprintf(plot->file, line, x - 6, y + 144, "dotted:", limits->byte_gops, "GOP/s of bytes");
    fprintf(plot->file, line, x - 6, y + 70, "not shown:", 100 * without, "% of time,");
    fprintf(plot->file, "<text x=\"%d\" y=\"%d\">without multiply-adds</text>\n", x - 6, y + 88);
    fprintf(plot->file, "<text x=\"%d\" y=\"%d\">size of a dot: its time</text>\n", x - 6, y + 118);
}

int bench_operators_plot(const struct bench_operators *operators, const char *title,
                         const char *path)
{
    const struct stance_limits *limits = &operators->limits;
    struct plot plot = {.file = fopen(path, "wb")};
    if (!plot.file)
        return cli_fail(CLI_FAILED, "cannot write '%s'", path);
    choose_range(&plot, operators);
    begin(&plot, title);
    draw_axes(&plot);
    draw_roof(&plot, limits->cache_gb_s, limits->float_gflops, " stroke-dasharray=\"6 5\"");
    draw_roof(&plot, limits->memory_gb_s, limits->float_gflops, "");
    if (has_bytes(operators))
        draw_roof(&plot, limits->memory_gb_s, limits->byte_gops, " stroke-dasharray=\"2 4\"");
    draw_operators(&plot, operators);
    draw_legend(&plot, operators);
    fputs("</svg>\n", plot.file);
    bool failed = ferror(plot.file) != 0;
    if (fclose(plot.file) != 0 || failed)
        return cli_fail(CLI_FAILED, "cannot write '%s'", path);
    return CLI_OK;
}
