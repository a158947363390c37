/* Finding and keeping the terms of adjacencies. */
#include "engine/terms.h"

#include <string.h>

#include "base/memory.h"

/* A fifth more than a generic tensor of this shape needs, and even. */
static int term_count(int64_t subsets, int64_t in, int64_t out)
{
    int64_t free = subsets + in + out - 2;
    int64_t generic = (subsets * in * out + free - 1) / free;
    return (int)((generic * 6 + 9) / 10 * 2);
}

static int64_t float_count(const struct kernel_graph_terms *t)
{
    return (int64_t)t->subsets * t->joints_in * t->joints_out +
           (int64_t)t->terms * (t->subsets + t->joints_in + t->joints_out);
}

static bool search(struct engine_terms *entry)
{
    void *work = base_alloc(KERNEL_TERMS_WORK);
    bool found = work && entry->kernels->graph_terms(&entry->found, work);
    base_free(work);
    return found;
}

static struct engine_terms *terms_new(const struct kernel_table *kernels,
                                      const struct stance_tensor *adjacency)
{
    struct engine_terms *entry = base_alloc_zero(1, sizeof *entry);
    if (!entry)
        return NULL;
    struct kernel_graph_terms *t = &entry->found;
    t->subsets = (int)adjacency->dims[0];
    t->joints_in = (int)adjacency->dims[1];
    t->joints_out = (int)adjacency->dims[2];
    t->terms = term_count(t->subsets, t->joints_in, t->joints_out);
    entry->kernels = kernels;
    entry->memory = base_alloc((size_t)float_count(t) * sizeof(float));
    if (!entry->memory) {
        base_free(entry);
        return NULL;
    }
    int64_t count = stance_tensor_count(adjacency);
    memcpy(entry->memory, adjacency->data, (size_t)count * sizeof(float));
    t->adjacency = entry->memory;
    t->mix = entry->memory + count;
    t->spread = t->mix + (int64_t)t->terms * t->subsets;
    t->gather = t->spread + (int64_t)t->terms * t->joints_in;
    if (!search(entry))
        t->terms = 0;
    return entry;
}

static bool is_of(const struct engine_terms *entry, const struct kernel_table *kernels,
                  const struct stance_tensor *adjacency)
{
    return entry->kernels == kernels && entry->found.subsets == adjacency->dims[0] &&
           entry->found.joints_in == adjacency->dims[1] &&
           entry->found.joints_out == adjacency->dims[2] &&
           memcmp(entry->memory, adjacency->data,
                  (size_t)stance_tensor_count(adjacency) * sizeof(float)) == 0;
}

const struct engine_terms *engine_terms_find(struct stance_model *model,
                                             const struct kernel_table *kernels,
                                             const struct stance_tensor *adjacency)
{
    pthread_mutex_lock(&model->mutex);
    struct engine_terms *entry = model->terms;
    while (entry && !is_of(entry, kernels, adjacency))
        entry = entry->next;
    if (!entry && (entry = terms_new(kernels, adjacency))) {
        entry->next = model->terms;
        model->terms = entry;
    }
    pthread_mutex_unlock(&model->mutex);
    return entry && entry->found.terms > 0 ? entry : NULL;
}

void engine_terms_close(struct engine_terms **list)
{
    for (struct engine_terms *next; *list; *list = next) {
        next = (*list)->next;
        base_free((*list)->memory);
        base_free(*list);
    }
}

/* A fifth fewer multiply-adds for one frame. */
static bool worth(const struct stance_tensor *a, int64_t in, int64_t out)
{
    int64_t products = a->dims[0] * a->dims[1];
    int64_t terms = term_count(a->dims[0], a->dims[1], a->dims[2]);
    int64_t before = products * out * (in + a->dims[2]);
    int64_t now = terms * (in * out + in * a->dims[1] + out * a->dims[2]);
    return terms <= KERNEL_TERMS_MOST && now * 5 < before * 4;
}

/* The decision must not depend on the batch. Weights of all terms are read for every frame at once:
 * few frames are not worth it. */
bool engine_joins(void *context, const struct graph *graph, const struct graph_node *conv,
                  const struct graph_node *graph_conv)
{
    enum { FRAMES = 16, MOST_CHANNELS = 1024 };
    const struct engine_joining *joining = context;
    const struct stance_tensor *adjacency = &graph->values[graph_conv->inputs[1]].constant->view;
    const struct tensor_shape *in = &graph->values[conv->inputs[0]].shape;
    const struct tensor_shape *out = &graph->values[graph_conv->outputs[0]].shape;
    const int64_t *dims = adjacency->dims;
    bool fits = joining->kernels->graph_terms && adjacency->dtype == STANCE_FLOAT32 &&
                in->rank == 4 && out->rank == 4 && in->dims[2] >= FRAMES && in->dims[0] > 0 &&
                in->dims[1] >= joining->kernels->block && in->dims[1] <= MOST_CHANNELS &&
                out->dims[1] <= MOST_CHANNELS && dims[0] >= 2 && dims[0] <= KERNEL_TERMS_SUBSETS &&
                dims[1] >= 1 && dims[1] <= KERNEL_TERMS_JOINTS && dims[2] >= 1 &&
                dims[2] <= KERNEL_TERMS_JOINTS;
    return fits && worth(adjacency, in->dims[1], out->dims[1]) &&
           engine_terms_find(joining->model, joining->kernels, adjacency);
}
