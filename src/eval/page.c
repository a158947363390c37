/* The page of an evaluation: one HTML file with everything inside, readable in the dark and in light. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "eval/survey.h"

#define PAGE_LIMIT ((size_t)256 << 20)

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>stance eval</title>\n<style>\n"
    ":root{--paper:#fff;--ink:#1b1f24;--dim:#667;--rule:#d8dce2;--card:#f4f6f8;--a:#0b6bcb;"
    "--good:#2c9a4b;--jitter:#d9a400;--inversion:#2f7de1;--swap:#b04fd0;--miss:#d6323a;"
    "--truth:#0fbf8f;--found:#ff8a1f}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e6e9ee;--dim:#98a1ad;"
    "--rule:#343a43;--card:#1e2329;--a:#6cb2ff;--good:#4fc46f;--jitter:#eac23c;"
    "--inversion:#6ba8ff;--swap:#d18bec;--miss:#ff6d70}}\n"
    "body{margin:0 auto;max-width:1180px;padding:24px;background:var(--paper);color:var(--ink);"
    "font:15px/1.45 system-ui,sans-serif}\n"
    "h1{font-size:24px;margin:0}h2{font-size:18px;margin:32px 0 8px}p{color:var(--dim);margin:4px "
    "0 12px}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:8px;margin:16px 0}.card{background:var(--card);"
    "border-radius:8px;padding:8px 14px;min-width:64px}.card b{display:block;font-size:20px;"
    "font-variant-numeric:tabular-nums}.card span{color:var(--dim);font-size:13px}\n"
    ".row{display:flex;flex-wrap:wrap;gap:24px}.row>section{flex:1 1 460px;min-width:300px}\n"
    "svg{display:block;width:100%;height:auto}svg text{fill:var(--dim);font:12px "
    "system-ui,sans-serif}\n"
    ".axis{stroke:var(--rule);stroke-width:1}.curve{fill:none;stroke:var(--a);stroke-width:1.6}"
    ".bar{fill:var(--a)}\n"
    ".good{fill:var(--good)}.jitter{fill:var(--jitter)}.inversion{fill:var(--inversion)}"
    ".swap{fill:var(--swap)}.miss{fill:var(--miss)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:14px;color:var(--dim);font-size:13px;margin:6px 0}"
    ".key svg{width:12px;height:12px;display:inline;vertical-align:-1px;margin-right:5px}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:18px}"
    "figure{margin:0}figcaption{font-size:13px;margin-top:4px;overflow-wrap:anywhere}"
    "figcaption span{color:var(--dim)}\n"
    "figure svg{border-radius:6px;overflow:hidden}.ground{fill:var(--card)}"
    "figure line,figure rect.truth,figure rect.found{fill:none;stroke-width:var(--line);"
    "stroke-linecap:round}"
    ".truth{stroke:var(--truth)}.crowd{stroke-dasharray:6}.found{stroke:var(--found)}"
    ".spare{opacity:.55;stroke-dasharray:4}.joint{fill:var(--truth)}"
    "figure circle{stroke:#000;stroke-opacity:.5;stroke-width:calc(var(--line)*.35)}\n"
    "</style></head><body>\n";

int eval_page_text(struct base_buffer *page, const char *text)
{
    for (; *text; text++) {
        const char *escaped = *text == '<'   ? "&lt;"
                              : *text == '>' ? "&gt;"
                              : *text == '&' ? "&amp;"
                              : *text == '"' ? "&quot;"
                                             : NULL;
        BASE_TRY(base_buffer_append(page, escaped ? escaped : text, escaped ? strlen(escaped) : 1));
    }
    return 0;
}

static int put_cards(struct stance_eval *eval, struct base_buffer *page)
{
    BASE_TRY(base_buffer_format(page, "<div class=\"cards\">"));
    for (int i = 0; i < eval->number_count; i++) {
        BASE_TRY(base_buffer_format(page, "<div class=\"card\"><b>%.*f</b><span>",
                                    eval->numbers[i].value > 1 ? 1 : 3, eval->numbers[i].value));
        BASE_TRY(eval_page_text(page, eval->numbers[i].name));
        BASE_TRY(base_buffer_format(page, "</span></div>"));
    }
    return base_buffer_format(page, "</div>\n");
}

enum { LEFT = 44, TOP = 12, WIDTH = 460, HEIGHT = 260 };

static int put_axes(struct base_buffer *page, const char *below)
{
    BASE_TRY(base_buffer_format(page, "<svg viewBox=\"0 0 %d %d\">", LEFT + WIDTH + 50,
                                TOP + HEIGHT + 44));
    for (int i = 0; i <= 4; i++) {
        int x = LEFT + WIDTH * i / 4, y = TOP + HEIGHT * i / 4;
        BASE_TRY(base_buffer_format(page,
                                    "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>"
                                    "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.2f</text>",
                                    LEFT, y, LEFT + WIDTH, y, x, TOP + HEIGHT + 18, i / 4.0));
    }
    return base_buffer_format(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                              LEFT + WIDTH / 2, TOP + HEIGHT + 38, below);
}

/* Precision over recall at every second threshold; stricter ones are fainter. */
static int put_precision(const struct stance_eval *eval, const struct eval_survey *survey,
                         struct base_buffer *page)
{
    int limits[EVAL_MAX_LIMITS], last = eval_limits(eval, limits) - 1;
    int categories = survey->curves.categories[0];
    BASE_TRY(base_buffer_format(page, "<section><h2>Precision and recall</h2><p>One curve for each "
                                      "threshold of similarity, from 0.50 (strong) to "
                                      "0.95 (faint).</p>"));
    BASE_TRY(put_axes(page, "recall"));
    for (int i = 0; i <= 4; i++)
        BASE_TRY(base_buffer_format(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.2f</text>",
                                    LEFT - 6, TOP + HEIGHT * i / 4 + 4, 1 - i / 4.0));
    for (int t = 0; t < EVAL_THRESHOLDS && categories; t++) {
        const double *line = survey->curves.precision[0][last][t];
        BASE_TRY(
            base_buffer_format(page, "<path class=\"curve\" opacity=\"%.2f\" d=\"", 1 - t * .08));
        for (int r = 0; r < EVAL_RECALLS; r++)
            BASE_TRY(base_buffer_format(page, "%c%.1f %.1f", r ? 'L' : 'M',
                                        LEFT + WIDTH * r / (double)(EVAL_RECALLS - 1),
                                        TOP + HEIGHT * (1 - line[r] / categories)));
        BASE_TRY(base_buffer_format(page, "\"><title>%.2f</title></path>", eval_threshold(t)));
    }
    return base_buffer_format(page, "</svg></section>\n");
}

static int put_histogram(const struct stance_eval *eval, const struct eval_survey *survey,
                         struct base_buffer *page)
{
    const char *name = eval->kind == STANCE_EVAL_KEYPOINTS ? "OKS" : "IoU";
    size_t most = 1;
    for (int i = 0; i < SURVEY_BINS; i++)
        most = survey->histogram[i] > most ? survey->histogram[i] : most;
    BASE_TRY(base_buffer_format(page,
                                "<section><h2>%s of what was found</h2><p>%zu annotations: %zu "
                                "with a result of at least 0.1, %zu without. %zu results belong to "
                                "none.</p>",
                                name, survey->people, survey->paired,
                                survey->people - survey->paired, survey->spare));
    BASE_TRY(put_axes(page, name));
    BASE_TRY(base_buffer_format(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%zu</text>",
                                LEFT - 6, TOP + 4, most));
    for (int i = 0; i < SURVEY_BINS; i++) {
        double height = (double)HEIGHT * (double)survey->histogram[i] / (double)most;
        BASE_TRY(base_buffer_format(
            page,
            "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
            "<title>%.2f: %zu</title></rect>",
            LEFT + WIDTH * i / (double)SURVEY_BINS + 1, TOP + HEIGHT - height,
            WIDTH / (double)SURVEY_BINS - 2, height, i / (double)SURVEY_BINS,
            survey->histogram[i]));
    }
    return base_buffer_format(page, "</svg></section>\n");
}

static int put_key(struct base_buffer *page)
{
    BASE_TRY(base_buffer_format(page, "<div class=\"key\">"));
    for (int e = 0; e < EVAL_ERRORS; e++)
        BASE_TRY(base_buffer_format(page,
                                    "<span><svg viewBox=\"0 0 12 12\"><rect class=\"%s\" "
                                    "width=\"12\" height=\"12\" rx=\"2\"/></svg>%s</span>",
                                    eval_error_names[e], eval_error_names[e]));
    return base_buffer_format(page, "</div>");
}

static int put_error_row(const struct stance_eval *eval, const struct eval_survey *survey, int k,
                         int y, struct base_buffer *page)
{
    enum { NAME = 130, LENGTH = 860 };
    const size_t *errors = survey->errors[k];
    size_t all = 0;
    double x = NAME;
    char number[24];
    for (int e = 0; e < EVAL_ERRORS; e++)
        all += errors[e];
    snprintf(number, sizeof number, "point %d", k + 1);
    BASE_TRY(
        base_buffer_format(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", NAME - 8, y + 13));
    BASE_TRY(eval_page_text(page, eval->names[k] ? eval->names[k] : number));
    BASE_TRY(base_buffer_format(page, "</text>"));
    for (int e = 0; e < EVAL_ERRORS && all; e++) {
        double width = (double)LENGTH * (double)errors[e] / (double)all;
        BASE_TRY(base_buffer_format(
            page,
            "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"17\">"
            "<title>%s: %zu of %zu</title></rect>",
            eval_error_names[e], x, y, width, eval_error_names[e], errors[e], all));
        x += width;
    }
    return base_buffer_format(page, "<text x=\"%d\" y=\"%d\">%zu</text>", NAME + LENGTH + 8, y + 13,
                              all);
}

static int put_errors(const struct stance_eval *eval, const struct eval_survey *survey,
                      struct base_buffer *page)
{
    enum { STEP = 21 };
    BASE_TRY(base_buffer_format(
        page, "<h2>Errors by keypoint</h2><p>Of labelled keypoints of people that were found "
              "(Ronchi and Perona 2017). Jitter: near. Inversion: on the same person's other side. "
              "Swap: on another person. Miss: nowhere near.</p>"));
    BASE_TRY(put_key(page));
    BASE_TRY(
        base_buffer_format(page, "<svg viewBox=\"0 0 1060 %d\">", eval->keypoint_count * STEP));
    for (int k = 0; k < eval->keypoint_count; k++)
        BASE_TRY(put_error_row(eval, survey, k, k * STEP, page));
    return base_buffer_format(page, "</svg>\n");
}

static int put_page(struct stance_eval *eval, const struct eval_survey *survey,
                    const char *pictures, struct base_buffer *page)
{
    bool keypoints = eval->kind == STANCE_EVAL_KEYPOINTS;
    BASE_TRY(base_buffer_append(page, head, sizeof head - 1));
    BASE_TRY(base_buffer_format(page, "<h1>Evaluation of %s</h1><p>",
                                keypoints ? "keypoints" : "boxes"));
    BASE_TRY(eval_page_text(page, eval->path));
    BASE_TRY(base_buffer_format(page, ": %zu pictures, %zu annotations, %zu results</p>\n",
                                eval->picture_count, eval->truth.ordered, eval->found.ordered));
    BASE_TRY(put_cards(eval, page));
    BASE_TRY(base_buffer_format(page, "<div class=\"row\">"));
    BASE_TRY(put_precision(eval, survey, page));
    BASE_TRY(put_histogram(eval, survey, page));
    BASE_TRY(base_buffer_format(page, "</div>\n"));
    if (keypoints)
        BASE_TRY(put_errors(eval, survey, page));
    BASE_TRY(base_buffer_format(
        page,
        "<h2>Worst pictures</h2><p>Ground truth is <span "
        "style=\"color:var(--truth)\">green</span>, "
        "results are <span style=\"color:var(--found)\">orange</span>; dashed results belong to "
        "nobody.%s</p>\n",
        keypoints ? " Dots show the kind of error." : ""));
    if (keypoints)
        BASE_TRY(put_key(page));
    BASE_TRY(base_buffer_format(page, "<div class=\"grid\">"));
    BASE_TRY(eval_page_pictures(eval, survey, pictures, page));
    return base_buffer_format(page, "</div></body></html>\n");
}

int stance_eval_plot(struct stance_eval *eval, const char *path, const char *pictures)
{
    struct base_buffer page;
    BASE_TRY(eval_prepare(eval));
    struct eval_survey *survey = base_alloc(sizeof *survey);
    if (!survey)
        return base_error_memory(sizeof *survey, "a survey");
    base_buffer_init(&page, PAGE_LIMIT);
    int code = eval_survey_make(eval, survey);
    if (code == 0)
        code = put_page(eval, survey, pictures, &page);
    if (code == 0)
        code = base_file_write(path, page.data, page.size);
    base_buffer_free(&page);
    base_free(survey);
    return code;
}
