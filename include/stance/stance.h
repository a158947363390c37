/* All of libstance. Include this, or only the parts you use. */
#ifndef STANCE_STANCE_H
#define STANCE_STANCE_H

#include "stance/agreement.h"
#include "stance/bytes.h"
#include "stance/card.h"
#include "stance/draw.h"
#include "stance/error.h"
#include "stance/eval.h"
#include "stance/image.h"
#include "stance/inspect.h"
#include "stance/keypoints.h"
#include "stance/model.h"
#include "stance/mot.h"
#include "stance/pose.h"
#include "stance/preset.h"
#include "stance/quantize.h"
#include "stance/result.h"
#include "stance/session.h"
#include "stance/store.h"
#include "stance/stream.h"
#include "stance/tensor.h"
#include "stance/track.h"
#include "stance/version.h"
#include "stance/video.h"

#endif
