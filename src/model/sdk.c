/* MMDeploy's SDK files as a card: how the picture is normalised (pipeline.json) and what the
 * outputs are decoded with. Sizes are left to the network: pipeline.json is known to carry those of
 * another model in some exports.
 * Source: MMDeploy's SDK documentation (02-how-to-run/sdk_usage) and its codebase/mmpose. */
#include <stdio.h>
#include <string.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "model/package.h"

enum { SDK_LIMIT = 4 << 20 };

struct sdk {
    float mean[3], std[3];
    bool rgb;
    const char *family, *refine;
};

static const char *member_text(const base_json_value *object, const char *key)
{
    const base_json_value *value = base_json_get(object, key);
    const char *text = "";
    if (base_json_kind(value) == BASE_JSON_STRING)
        base_json_as_string(value, key, &text);
    return text;
}

static bool member_true(const base_json_value *object, const char *key, bool absent)
{
    const base_json_value *value = base_json_get(object, key);
    bool is = absent;
    if (base_json_kind(value) == BASE_JSON_BOOL)
        base_json_as_bool(value, key, &is);
    return is;
}

/* Three numbers; nothing for null or no member, as networks on plain pixels have it. */
static int read_floats(const base_json_value *object, const char *key, float *values)
{
    bool absent = base_json_kind(base_json_get(object, key)) == BASE_JSON_NULL;
    return absent ? 0 : base_json_get_floats(object, key, 3, values);
}

static int read_transforms(struct sdk *sdk, const base_json_value *list)
{
    for (size_t i = 0; i < base_json_count(list); i++) {
        const base_json_value *transform = base_json_at(list, i);
        if (strcmp(member_text(transform, "type"), "Normalize") != 0)
            continue;
        BASE_TRY(read_floats(transform, "mean", sdk->mean));
        BASE_TRY(read_floats(transform, "std", sdk->std));
        sdk->rgb = member_true(transform, "to_rgb", true);
    }
    return 0;
}

/* What decodes the outputs; an unknown one leaves it to the outputs themselves. */
static void read_component(struct sdk *sdk, const base_json_value *task)
{
    const char *component = member_text(task, "component");
    const base_json_value *params = base_json_get(task, "params");
    if (strcmp(component, "SimCCLabelDecode") == 0) {
        sdk->family = "simcc";
        sdk->refine = member_true(params, "use_dark", false) ? "dark" : NULL;
    } else if (strstr(component, "Heatmap") && strstr(component, "HeadDecode")) {
        sdk->family = "heatmap";
        bool dark = strcmp(member_text(params, "post_process"), "unbiased") == 0 ||
                    member_true(params, "unbiased", false);
        sdk->refine = member_true(params, "use_udp", false) ? "udp" : dark ? "dark" : NULL;
    }
}

static int read_pipeline(struct sdk *sdk, const base_json_value *root)
{
    const base_json_value *tasks = base_json_get(base_json_get(root, "pipeline"), "tasks");
    if (base_json_kind(tasks) != BASE_JSON_ARRAY)
        return base_error(STANCE_EFORMAT, "'pipeline' has no array 'tasks'");
    for (size_t i = 0; i < base_json_count(tasks); i++) {
        const base_json_value *task = base_json_at(tasks, i);
        BASE_TRY(read_transforms(sdk, base_json_get(task, "transforms")));
        read_component(sdk, task);
    }
    return 0;
}

/* Detectors with suppression inside look alike: the network's name in deploy.json tells. */
static int read_deploy(struct sdk *sdk, const char *path)
{
    struct base_buffer text;
    struct base_json_doc *doc = NULL;
    base_buffer_init(&text, SDK_LIMIT);
    int code = model_package_sibling(&text, path, "deploy.json");
    if (code > 0)
        code = base_json_parse(&doc, text.data, text.size, SDK_LIMIT, "deploy.json");
    if (code == 0 && doc && !sdk->family) {
        const base_json_value *models = base_json_get(base_json_root(doc), "models");
        const char *name = member_text(base_json_at(models, 0), "name");
        sdk->family = strcmp(name, "yolox") == 0    ? "yolox"
                      : strcmp(name, "rtmdet") == 0 ? "rtmdet"
                                                    : NULL;
    }
    base_json_doc_close(&doc);
    base_buffer_free(&text);
    return code < 0 ? code : 0;
}

/* The name of the folder that the model lies in, or of its archive. */
static void name_of(const char *path, char *name, size_t size)
{
    const char *end = strrchr(path, '/');
    if (!end) {
        snprintf(name, size, "model");
        return;
    }
    const char *start = end;
    while (start > path && start[-1] != '/')
        start--;
    int length = (int)(end - start);
    if (length > 4 && strncmp(end - 4, ".zip", 4) == 0)
        length -= 4;
    snprintf(name, size, "%.*s", length, start);
}

static void write_floats(struct base_json *json, const char *key, const float *values)
{
    base_json_key(json, key);
    base_json_array(json);
    for (int i = 0; i < 3; i++)
        base_json_float(json, (double)values[i], 4);
    base_json_close(json);
}

static int write_card(struct base_buffer *out, const struct sdk *sdk, const char *path)
{
    struct base_json json;
    char name[128];
    name_of(path, name, sizeof name);
    base_json_begin(&json, out, true);
    base_json_object(&json);
    base_json_key(&json, "stance_card");
    base_json_int(&json, 1);
    base_json_key(&json, "name");
    base_json_string(&json, name);
    base_json_key(&json, "title");
    base_json_string(&json, "MMDeploy export");
    base_json_key(&json, "family");
    base_json_string(&json, sdk->family ? sdk->family : "auto");
    if (sdk->refine) {
        base_json_key(&json, "refine");
        base_json_string(&json, sdk->refine);
    }
    base_json_key(&json, "input");
    base_json_object(&json);
    base_json_key(&json, "colours");
    base_json_string(&json, sdk->rgb ? "rgb" : "bgr");
    write_floats(&json, "mean", sdk->mean);
    write_floats(&json, "std", sdk->std);
    base_json_close(&json);
    base_json_close(&json);
    return base_json_end(&json);
}

int model_package_card(struct base_buffer *json, const char *path)
{
    struct sdk sdk = {.std = {1, 1, 1}};
    struct base_buffer text;
    struct base_json_doc *doc = NULL;
    base_buffer_init(&text, SDK_LIMIT);
    int found = model_package_sibling(&text, path, "pipeline.json");
    int code = found;
    if (found > 0)
        code = base_json_parse(&doc, text.data, text.size, SDK_LIMIT, "pipeline.json");
    if (found > 0 && code == 0)
        code = read_pipeline(&sdk, base_json_root(doc));
    base_json_doc_close(&doc);
    base_buffer_free(&text);
    if (found > 0 && code == 0)
        code = read_deploy(&sdk, path);
    if (found > 0 && code == 0)
        code = write_card(json, &sdk, path);
    if (code < 0)
        return base_error_context(code, "the SDK files of '%.400s'", path);
    return found;
}
