/* Frames into pictures and back. The only file of the video part that includes libswscale. */
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <libavutil/buffer.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "base/memory.h"
#include "media/av_frame.h"
#include "media/av_log.h"
#include "media/exif.h"
#include "vision/image_pool.h"
#include "vision/pixel.h"

/* More pictures of one stream than this are not in use at once by anything reasonable. */
enum { MOST_IMAGES = 256, ROW_ALIGN = 64 };

struct media_converter {
    struct vision_pool *pool;
    struct SwsContext *scaler;
    AVBufferPool *buffers; /* of `buffer_bytes` each, for converted frames */
    size_t buffer_bytes;
};

int media_converter_open(struct media_converter **out)
{
    *out = NULL;
    struct media_converter *converter = base_alloc_zero(1, sizeof *converter);
    if (!converter)
        return base_error_memory(sizeof *converter, "a frame converter");
    int code = vision_pool_open(&converter->pool, MOST_IMAGES);
    if (code < 0)
        media_converter_close(&converter);
    *out = converter;
    return code;
}

void media_converter_close(struct media_converter **handle)
{
    struct media_converter *converter = *handle;
    *handle = NULL;
    if (!converter)
        return;
    sws_freeContext(converter->scaler);
    av_buffer_pool_uninit(&converter->buffers);
    vision_pool_close(&converter->pool);
    base_free(converter);
}

static bool is_full_range(const AVFrame *frame)
{
    return frame->color_range == AVCOL_RANGE_JPEG || frame->format == AV_PIX_FMT_YUVJ420P ||
           frame->format == AV_PIX_FMT_YUVJ422P || frame->format == AV_PIX_FMT_YUVJ444P ||
           frame->format == AV_PIX_FMT_YUVJ440P || frame->format == AV_PIX_FMT_YUVJ411P;
}

/* Unspecified is BT.601, as swscale and OpenCV take it; BT.2020 is closest to BT.709. */
static bool is_bt709(const AVFrame *frame)
{
    return frame->colorspace == AVCOL_SPC_BT709 || frame->colorspace == AVCOL_SPC_BT2020_NCL ||
           frame->colorspace == AVCOL_SPC_BT2020_CL;
}

static int color_of(const AVFrame *frame)
{
    return (is_bt709(frame) ? STANCE_BT709 : STANCE_BT601) +
           (is_full_range(frame) ? STANCE_BT601_FULL : 0);
}

void media_color_to_frame(AVFrame *frame, const struct stance_image *image)
{
    bool planar = vision_layout_find(image->format)->planes > 1;
    int color = planar ? image->color : STANCE_BT601;
    frame->color_range = color >= STANCE_BT601_FULL ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    frame->colorspace = color % 2 == STANCE_BT709 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

/* The format of ours whose planes lie as the frame's do; 0: none. */
static int same_format(const AVFrame *frame)
{
    switch (frame->format) {
    case AV_PIX_FMT_YUV420P:
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVA420P: return STANCE_YUV420P;
    case AV_PIX_FMT_NV12: return STANCE_NV12;
    case AV_PIX_FMT_RGB24: return STANCE_RGB24;
    case AV_PIX_FMT_BGR24: return STANCE_BGR24;
    case AV_PIX_FMT_GRAY8: return STANCE_GRAY8;
    default: return 0;
    }
}

/* What a frame in another format is converted to. */
static enum AVPixelFormat target_format(const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if (!format || format->flags & AV_PIX_FMT_FLAG_HWACCEL)
        return AV_PIX_FMT_NONE;
    bool rgb = format->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
    if (!rgb && format->nb_components >= 3 && format->log2_chroma_w == 1)
        return AV_PIX_FMT_YUV420P;
    return !rgb && format->nb_components < 3 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
}

int media_pixel_format_of(const struct stance_image *image)
{
    static const enum AVPixelFormat formats[] = {
        [STANCE_RGB24] = AV_PIX_FMT_RGB24, [STANCE_BGR24] = AV_PIX_FMT_BGR24,
        [STANCE_RGBA32] = AV_PIX_FMT_RGBA, [STANCE_BGRA32] = AV_PIX_FMT_BGRA,
        [STANCE_GRAY8] = AV_PIX_FMT_GRAY8, [STANCE_YUV420P] = AV_PIX_FMT_YUV420P,
        [STANCE_NV12] = AV_PIX_FMT_NV12,
    };
    return formats[image->format];
}

/* Memory for a frame whose format and size are set: rows with room behind them, because swscale
 * writes beyond their ends. */
static int take_buffer(struct media_converter *converter, AVFrame *frame)
{
    enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    int wide = frame->width + ROW_ALIGN;
    int bytes = av_image_get_buffer_size(format, wide, frame->height, ROW_ALIGN);
    if (bytes < 0)
        return media_av_error(bytes, STANCE_ELIMIT, "a frame of %d×%d pixels", frame->width,
                              frame->height);
    size_t needed = (size_t)bytes + ROW_ALIGN;
    if (!converter->buffers || converter->buffer_bytes != needed) {
        av_buffer_pool_uninit(&converter->buffers);
        converter->buffers = av_buffer_pool_init(needed, NULL);
        converter->buffer_bytes = needed;
    }
    frame->buf[0] = converter->buffers ? av_buffer_pool_get(converter->buffers) : NULL;
    if (!frame->buf[0])
        return base_error_memory(needed, "a frame");
    av_image_fill_arrays(frame->data, frame->linesize, frame->buf[0]->data, format, wide,
                         frame->height, ROW_ALIGN);
    frame->extended_data = frame->data;
    return 0;
}

/* Prepares the scaler; `from` and `to` have their colours. */
static int open_scaler(struct media_converter *converter, const AVFrame *from, const AVFrame *to,
                       int width, int height)
{
    converter->scaler = sws_getCachedContext(
        converter->scaler, from->width, from->height, (enum AVPixelFormat)from->format, width,
        height, (enum AVPixelFormat)to->format,
        SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!converter->scaler)
        return base_error(STANCE_EUNSUPPORTED, "frames of type %s cannot be converted",
                          av_get_pix_fmt_name((enum AVPixelFormat)from->format));
    sws_setColorspaceDetails(
        converter->scaler, sws_getCoefficients(is_bt709(from) ? SWS_CS_ITU709 : SWS_CS_ITU601),
        is_full_range(from), sws_getCoefficients(is_bt709(to) ? SWS_CS_ITU709 : SWS_CS_ITU601),
        is_full_range(to), 0, 1 << 16, 1 << 16);
    return 0;
}

/* Replaces the frame by one in another format, or by a copy in the same. */
static int convert(struct media_converter *converter, AVFrame *frame, enum AVPixelFormat format)
{
    AVFrame *copy = av_frame_alloc();
    if (!copy)
        return base_error_memory(sizeof *copy, "a frame");
    copy->format = format;
    copy->width = frame->width;
    copy->height = frame->height;
    copy->colorspace = frame->colorspace;
    copy->color_range = is_full_range(frame) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    int code = take_buffer(converter, copy);
    if (code == 0 && format == frame->format)
        av_frame_copy(copy, frame);
    else if (code == 0 &&
             (code = open_scaler(converter, frame, copy, copy->width, copy->height)) == 0)
        sws_scale(converter->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0,
                  frame->height, copy->data, copy->linesize);
    if (code == 0) {
        av_frame_unref(frame);
        av_frame_move_ref(frame, copy);
    }
    av_frame_free(&copy);
    return code;
}

static struct stance_image view_of(const AVFrame *frame)
{
    struct stance_image view = {
        .width = frame->width, .height = frame->height, .format = same_format(frame)};
    const struct vision_layout *layout = vision_layout_find(view.format);
    for (int i = 0; i < layout->planes; i++) {
        view.plane[i] = frame->data[i];
        view.stride[i] = frame->linesize[i];
    }
    view.color = layout->planes > 1 ? color_of(frame) : 0;
    return view;
}

static void release_frame(void *context)
{
    AVFrame *frame = context;
    av_frame_free(&frame);
}

static int wrap(struct media_converter *converter, struct stance_image **out, AVFrame *frame)
{
    AVFrame *kept = av_frame_alloc();
    if (!kept)
        return base_error_memory(sizeof *kept, "a frame");
    av_frame_move_ref(kept, frame);
    struct stance_image view = view_of(kept);
    int code = vision_pool_wrap(converter->pool, out, &view, release_frame, kept);
    if (code < 0)
        av_frame_free(&kept);
    return code;
}

static int turn(struct media_converter *converter, struct stance_image **out, AVFrame *frame,
                int orientation)
{
    struct stance_image view = view_of(frame);
    bool swap = media_turn_swaps(orientation);
    int code = vision_pool_take(converter->pool, out, view.format, swap ? view.height : view.width,
                                swap ? view.width : view.height);
    if (code == 0)
        media_turn_into(*out, &view, orientation);
    return code;
}

int media_frame_to_image(struct media_converter *converter, struct stance_image **out,
                         AVFrame *frame, int orientation, int writable)
{
    *out = NULL;
    bool turned = orientation >= 2 && orientation <= 8;
    enum AVPixelFormat format = (enum AVPixelFormat)frame->format;
    int code = 0;
    if (!same_format(frame)) {
        format = target_format(frame);
        if (format == AV_PIX_FMT_NONE)
            code = base_error(STANCE_EUNSUPPORTED, "frames of type %s are not supported",
                              av_get_pix_fmt_name((enum AVPixelFormat)frame->format));
        else
            code = convert(converter, frame, format);
    } else if (writable && !turned && !av_frame_is_writable(frame)) {
        code = convert(converter, frame, format);
    }
    if (code == 0)
        code = turned ? turn(converter, out, frame, orientation) : wrap(converter, out, frame);
    av_frame_unref(frame);
    return code;
}

static void point_to(AVFrame *frame, const struct stance_image *image)
{
    frame->width = image->width;
    frame->height = image->height;
    frame->format = media_pixel_format_of(image);
    media_color_to_frame(frame, image);
    for (int i = 0; i < vision_layout_find(image->format)->planes; i++) {
        frame->data[i] = image->plane[i];
        frame->linesize[i] = (int)image->stride[i];
    }
}

/* Where a picture that is scaled to fit begins, on whole chroma samples. */
static void fit(const AVFrame *from, const AVFrame *to, int *x, int *y, int *width, int *height)
{
    int64_t wide = (int64_t)from->width * to->height, high = (int64_t)to->width * from->height;
    *width = wide >= high ? to->width : (int)(wide / from->height);
    *height = wide >= high ? (int)(high / from->width) : to->height;
    *width = *width < 2 ? 2 : *width;
    *height = *height < 2 ? 2 : *height;
    *x = (to->width - *width) / 2 & ~1;
    *y = (to->height - *height) / 2 & ~1;
}

static int scale_to_fit(struct media_converter *converter, AVFrame *to, const AVFrame *from)
{
    int x, y, width, height;
    ptrdiff_t strides[4];
    uint8_t *planes[4];
    int steps[4];
    enum AVPixelFormat kind = (enum AVPixelFormat)to->format;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(kind);
    fit(from, to, &x, &y, &width, &height);
    BASE_TRY(open_scaler(converter, from, to, width, height));
    for (int i = 0; i < 4; i++)
        strides[i] = to->linesize[i];
    if (width != to->width || height != to->height)
        av_image_fill_black(to->data, strides, kind, to->color_range, to->width, to->height);
    av_image_fill_max_pixsteps(steps, NULL, format);
    for (int i = 0; i < 4; i++) {
        bool chroma = i == 1 || i == 2;
        planes[i] = to->data[i];
        if (planes[i])
            planes[i] += (y >> (chroma ? format->log2_chroma_h : 0)) * strides[i] +
                         (ptrdiff_t)(x >> (chroma ? format->log2_chroma_w : 0)) * steps[i];
    }
    sws_scale(converter->scaler, (const uint8_t *const *)from->data, from->linesize, 0,
              from->height, planes, to->linesize);
    return 0;
}

int media_image_to_frame(struct media_converter *converter, AVFrame *out,
                         const struct stance_image *image, int width, int height, int format)
{
    AVFrame from = {0};
    for (int i = 0; i < vision_layout_find(image->format)->planes; i++)
        if (image->stride[i] > INT_MAX || image->stride[i] < INT_MIN)
            return base_error(STANCE_EUNSUPPORTED, "picture: a stride of %td bytes",
                              image->stride[i]);
    point_to(&from, image);
    if ((from.width & ~1) == width && (from.height & ~1) == height) {
        from.width = width; /* encoders want even sizes: the last column or row goes */
        from.height = height;
    }
    if (from.format == format && from.width == width && from.height == height) {
        point_to(out, image);
        out->width = width;
        out->height = height;
        return 0;
    }
    out->format = format;
    out->width = width;
    out->height = height;
    out->colorspace = from.colorspace;
    out->color_range = format == AV_PIX_FMT_YUVJ420P ? AVCOL_RANGE_JPEG : from.color_range;
    if (image->format == STANCE_GRAY8)
        from.color_range = AVCOL_RANGE_JPEG;
    BASE_TRY(take_buffer(converter, out));
    return scale_to_fit(converter, out, &from);
}
