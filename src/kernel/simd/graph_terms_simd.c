/* Few products for a graph convolution: K adjacencies of V × W joints as a sum of R terms,
 *
 *   a[k][v][w] = Σ_r mix[k][r] · spread[v][r] · gather[r][w],   R well below K · V,
 *
 * found by alternating least squares: with two of the three factors held, the third is a linear
 * problem. The step away from the factor before is damped, first strongly, then hardly, and every
 * round goes on in the direction of the one before, which makes them five times fewer. A generic
 * tensor of this shape has K·V·W / (K + V + W - 2) terms (Strassen 1983); with a fifth more, the
 * search ends within some hundred rounds and the terms stay small, so that rounding does not grow.
 * Plain loops, which the compiler vectorises for the tier. */
#include <math.h>
#include <string.h>

#include "kernel/simd/simd.h"

enum {
    SUBSETS = KERNEL_TERMS_SUBSETS,
    JOINTS = KERNEL_TERMS_JOINTS,
    TERMS = KERNEL_TERMS_MOST,
    ROUNDS = 448,
    ALONE = 40,   /* rounds before the first that goes on */
    CHECKED = 16, /* rounds between looks at the error */
    SURE = 128,   /* rounds after which it is clear how fast the error falls */
    STEP = 8      /* numbers that loops take at once; what lies behind the last one is not used */
};

#define PADDED(count) (((count) + STEP - 1) / STEP * STEP)

/* to += factor · from */
static inline void add_times(double *restrict to, double factor, const double *restrict from,
                             int first, int end)
{
    for (int at = first; at < end; at += STEP)
        for (int i = at; i < at + STEP; i++)
            to[i] += factor * from[i];
}

/* One factor: a row per subset or joint, and the products of its columns with each other. */
struct factor {
    int rows;
    double at[JOINTS][TERMS];
    double gram[TERMS][TERMS];
};

struct work {
    int subsets, in, out, terms;
    double damping;
    double a[SUBSETS][JOINTS][JOINTS];
    struct factor mix, spread, gather;
    double before[3][JOINTS][TERMS];     /* these factors after the round before */
    double sums[SUBSETS][JOINTS][TERMS]; /* Σ_w a[k][v][w] · gather[w][r] */
    double normal[TERMS][TERMS], right[TERMS][JOINTS];
};

_Static_assert(sizeof(struct work) <= KERNEL_TERMS_WORK, "room for the search");

static void multiply_columns(struct factor *f, int terms)
{
    for (int i = 0; i < terms; i++) {
        memset(f->gram[i], 0, sizeof f->gram[i]);
        for (int row = 0; row < f->rows; row++)
            add_times(f->gram[i], f->at[row][i], f->at[row], 0, PADDED(terms));
    }
}

/* Numbers with a mean of 0, the same ones every time. */
static void fill_factor(struct factor *f, int rows, int terms, double most, uint64_t *state)
{
    f->rows = rows;
    for (int row = 0; row < rows; row++)
        for (int r = 0; r < terms; r++) {
            *state = *state * 6364136223846793005U + 1442695040888963407U;
            f->at[row][r] = most * ((double)(*state >> 33) / (double)(1U << 30) - 1.0);
        }
    multiply_columns(f, terms);
}

/* normal = upper triangle u of its factorisation uᵀu. */
static bool factorise(struct work *w)
{
    for (int k = 0; k < w->terms; k++) {
        double *row = w->normal[k];
        if (!(row[k] > 0))
            return false;
        double scale = 1.0 / sqrt(row[k]);
        for (int j = k; j < w->terms; j++)
            row[j] *= scale;
        for (int i = k + 1; i < w->terms; i++)
            add_times(w->normal[i], -row[i], row, i / STEP * STEP, PADDED(w->terms));
    }
    return true;
}

static void scale_right(struct work *w, int k, int end)
{
    double scale = 1.0 / w->normal[k][k];
    for (int c = 0; c < end; c++)
        w->right[k][c] *= scale;
}

static void solve(struct work *w, int columns)
{
    int end = PADDED(columns);
    for (int k = 0; k < w->terms; k++) {
        scale_right(w, k, end);
        for (int i = k + 1; i < w->terms; i++)
            add_times(w->right[i], -w->normal[k][i], w->right[k], 0, end);
    }
    for (int k = w->terms - 1; k >= 0; k--) {
        for (int i = k + 1; i < w->terms; i++)
            add_times(w->right[k], -w->normal[k][i], w->right[i], 0, end);
        scale_right(w, k, end);
    }
}

/* The factor that fits best beside p and q; `products` are its right-hand sides. */
static bool renew(struct work *w, struct factor *f, const struct factor *p, const struct factor *q,
                  double (*products)[TERMS])
{
    for (int i = 0; i < w->terms; i++) {
        for (int j = 0; j < w->terms; j++)
            w->normal[i][j] = p->gram[i][j] * q->gram[i][j];
        w->normal[i][i] += w->damping;
        for (int row = 0; row < f->rows; row++)
            w->right[i][row] = products[row][i] + w->damping * f->at[row][i];
    }
    if (!factorise(w))
        return false;
    solve(w, f->rows);
    for (int row = 0; row < f->rows; row++)
        for (int r = 0; r < w->terms; r++)
            f->at[row][r] = w->right[r][row];
    multiply_columns(f, w->terms);
    return true;
}

/* to[r] += Σ_i values[i * step] · rows[i][r] */
static inline void add_rows(double *to, const double *values, int step, const struct factor *f,
                            int terms)
{
    for (int i = 0; i < f->rows; i++)
        add_times(to, values[i * step], f->at[i], 0, PADDED(terms));
}

static bool renew_gather(struct work *w)
{
    double products[JOINTS][TERMS] = {{0}};
    for (int k = 0; k < w->subsets; k++)
        for (int to = 0; to < w->out; to++) {
            double sums[TERMS] = {0};
            add_rows(sums, &w->a[k][0][to], JOINTS, &w->spread, w->terms);
            for (int r = 0; r < w->terms; r++)
                products[to][r] += sums[r] * w->mix.at[k][r];
        }
    return renew(w, &w->gather, &w->mix, &w->spread, products);
}

static void sum_out(struct work *w)
{
    for (int k = 0; k < w->subsets; k++)
        for (int v = 0; v < w->in; v++) {
            double sums[TERMS] = {0};
            add_rows(sums, w->a[k][v], 1, &w->gather, w->terms);
            memcpy(w->sums[k][v], sums, sizeof sums);
        }
}

static bool renew_others(struct work *w)
{
    double products[JOINTS][TERMS] = {{0}};
    sum_out(w);
    for (int k = 0; k < w->subsets; k++)
        for (int v = 0; v < w->in; v++)
            for (int r = 0; r < w->terms; r++)
                products[v][r] += w->sums[k][v][r] * w->mix.at[k][r];
    if (!renew(w, &w->spread, &w->mix, &w->gather, products))
        return false;
    memset(products, 0, sizeof products);
    for (int k = 0; k < w->subsets; k++)
        for (int v = 0; v < w->in; v++)
            for (int r = 0; r < w->terms; r++)
                products[k][r] += w->sums[k][v][r] * w->spread.at[v][r];
    return renew(w, &w->mix, &w->spread, &w->gather, products);
}

/* Largest deviation; `size`: the largest sum of absolute terms, by which rounding grows. */
static double deviation(const struct work *w, double *size)
{
    double most = 0;
    *size = 0;
    for (int k = 0; k < w->subsets; k++)
        for (int v = 0; v < w->in; v++)
            for (int to = 0; to < w->out; to++) {
                double sum = -w->a[k][v][to], absolute = 0;
                for (int r = 0; r < w->terms; r++) {
                    double term = w->mix.at[k][r] * w->spread.at[v][r] * w->gather.at[to][r];
                    sum += term;
                    absolute += fabs(term);
                }
                most = fmax(most, fabs(sum));
                *size = fmax(*size, absolute);
            }
    return most;
}

static double length(const struct factor *f, int r)
{
    double sum = 0;
    for (int row = 0; row < f->rows; row++)
        sum += f->at[row][r] * f->at[row][r];
    return sqrt(sum);
}

/* Every term's three vectors become equally long. */
static void balance(struct work *w)
{
    struct factor *const factors[] = {&w->mix, &w->spread, &w->gather};
    for (int r = 0; r < w->terms; r++) {
        double lengths[3], product = 1;
        for (int i = 0; i < 3; i++)
            product *= lengths[i] = length(factors[i], r);
        for (int i = 0; i < 3 && product > 0; i++)
            for (int row = 0; row < factors[i]->rows; row++)
                factors[i]->at[row][r] *= cbrt(product) / lengths[i];
    }
    for (int i = 0; i < 3; i++)
        multiply_columns(factors[i], w->terms);
}

/* One round's step once more, almost; after balancing there is none to repeat. */
static void go_on(struct work *w, bool again)
{
    struct factor *const factors[] = {&w->mix, &w->spread, &w->gather};
    for (int i = 0; i < 3; i++) {
        struct factor *f = factors[i];
        for (int row = 0; row < f->rows; row++)
            for (int r = 0; r < w->terms; r++) {
                double now = f->at[row][r];
                if (again)
                    f->at[row][r] += 0.95 * (now - w->before[i][row][r]);
                w->before[i][row][r] = now;
            }
        multiply_columns(f, w->terms);
    }
}

static bool search(struct work *w)
{
    uint64_t state = 1;
    fill_factor(&w->mix, w->subsets, w->terms, 1.7, &state);
    fill_factor(&w->spread, w->in, w->terms, 0.9, &state);
    fill_factor(&w->gather, w->out, w->terms, 0.9, &state);
    w->damping = 0.1;
    for (int round = 1; round <= ROUNDS; round++) {
        if (!renew_gather(w) || !renew_others(w))
            return false;
        if (round >= ALONE)
            go_on(w, round > ALONE && round % CHECKED != 1);
        w->damping = fmax(w->damping * 0.97, 1e-9);
        if (round % CHECKED)
            continue;
        double size, most = deviation(w, &size);
        if (most < 1e-7)
            return size < 16;
        if (round >= SURE && most > 0.25 * exp2(-round / 20.0))
            return false; /* it would take thousands */
        balance(w);
    }
    return false;
}

static double largest(const struct kernel_graph_terms *t)
{
    float most = 0;
    for (int i = 0; i < t->subsets * t->joints_in * t->joints_out; i++)
        most = fmaxf(most, fabsf(t->adjacency[i]));
    return (double)most;
}

bool KERNEL_NAME(kernel_graph_terms)(const struct kernel_graph_terms *t, void *memory)
{
    struct work *w = memory;
    double most = largest(t);
    if (!(most > 0 && most < 1e30))
        return false;
    *w = (struct work){
        .subsets = t->subsets, .in = t->joints_in, .out = t->joints_out, .terms = t->terms};
    const float *from = t->adjacency;
    for (int k = 0; k < w->subsets; k++)
        for (int v = 0; v < w->in; v++)
            for (int to = 0; to < w->out; to++)
                w->a[k][v][to] = *from++ / most;
    if (!search(w))
        return false;
    for (int r = 0; r < w->terms; r++) {
        for (int k = 0; k < w->subsets; k++)
            t->mix[k * w->terms + r] = (float)w->mix.at[k][r];
        for (int v = 0; v < w->in; v++)
            t->spread[v * w->terms + r] = (float)w->spread.at[v][r];
        for (int to = 0; to < w->out; to++)
            t->gather[r * w->out + to] = (float)(w->gather.at[to][r] * most);
    }
    return true;
}
