/* ArcuateDecodable against what the C interface gives for a whole utterance.
 *
 * decodable-test NNET3 DIGITS: a Kaldi model with lookahead and recurrence, and the spiking network
 * of examples/digits, whose inputs are spliced frames. */
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arcuate_decodable.h"

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                        \
    }                                                                      \
  } while (0)

typedef std::vector<std::vector<float>> Rows;

struct Network {
  arcuate_model *model = nullptr;
  arcuate_plan *plan = nullptr;
  Network(const char *path, int steps, int state) {
    arcuate_compile_options options;
    arcuate_compile_options_init(&options);
    options.steps_per_frame = steps;
    options.frame_state = state;
    arcuate_error *error = nullptr;
    if (arcuate_model_open(path, nullptr, &model, &error) ||
        arcuate_plan_create(model, &options, &plan, &error)) {
      std::fprintf(stderr, "%s: %s\n", path, arcuate_error_message(error));
      std::exit(1);
    }
  }
  ~Network() {
    arcuate_plan_free(plan);
    arcuate_model_free(model);
  }
};

static unsigned drawn = 12345;
static float Draw() {
  drawn = drawn * 1664525u + 1013904223u;
  return static_cast<float>(drawn >> 8) / 8388608.0f - 1.0f;
}

static Rows Frames(int rows, int columns) {
  Rows frames(rows, std::vector<float>(columns));
  for (auto &row : frames) {
    for (auto &value : row) value = Draw();
  }
  return frames;
}

/* The frame at a place, the first and the last standing for those outside. */
static const std::vector<float> &At(const Rows &frames, int place) {
  return frames[std::min(std::max(place, 0), static_cast<int>(frames.size()) - 1)];
}

/* What the network gives for each frame, one call for all. */
static Rows Whole(const Network &network, const Rows &frames) {
  const int left =
      static_cast<int>(arcuate_model_metadata_number(network.model, "left_context", 0));
  const int late = static_cast<int>(arcuate_model_metadata_number(network.model, "latency", 0));
  const int before =
      static_cast<int>(arcuate_model_metadata_number(network.model, "splice_left", 0));
  const int after =
      static_cast<int>(arcuate_model_metadata_number(network.model, "splice_right", 0));
  const int rows = static_cast<int>(frames.size());
  std::vector<float> inputs;
  for (int i = -left; i < rows + late; i++) {
    const int centre = std::min(std::max(i, 0), rows - 1);
    for (int j = -before; j <= after; j++) {
      const std::vector<float> &frame = At(frames, centre + j);
      inputs.insert(inputs.end(), frame.begin(), frame.end());
    }
  }
  const size_t columns = arcuate_plan_output_size(network.plan, 0);
  const size_t count = static_cast<size_t>(rows + left + late);
  std::vector<float> outputs(count * columns);
  arcuate_session *session = nullptr;
  CHECK(arcuate_session_create(network.plan, &session, nullptr) == ARCUATE_SUCCESS);
  const float *input = inputs.data();
  float *output = outputs.data();
  const size_t input_count = inputs.size(), output_count = outputs.size();
  CHECK(arcuate_session_run(session, count, &input, &input_count, &output, &output_count) ==
        ARCUATE_SUCCESS);
  arcuate_session_free(session);
  Rows result;
  for (size_t i = static_cast<size_t>(left + late); i < count; i++) {
    result.emplace_back(outputs.begin() + static_cast<std::ptrdiff_t>(i * columns),
                        outputs.begin() + static_cast<std::ptrdiff_t>((i + 1) * columns));
  }
  return result;
}

static void Accept(ArcuateDecodable *decodable, const Rows &frames, int from, int to) {
  std::vector<float> flat;
  for (int i = from; i < to; i++) flat.insert(flat.end(), frames[i].begin(), frames[i].end());
  decodable->AcceptFrames(flat.data(), to - from);
}

static double Expected(const std::vector<float> &row, int column,
                       const ArcuateDecodableOptions &o) {
  double value = row[column], sum = 0, priors = 0;
  if (o.log_softmax) {
    for (float other : row) sum += std::exp(static_cast<double>(other));
    value -= std::log(sum);
  }
  for (float prior : o.priors) priors += prior;
  if (!o.priors.empty()) value -= std::log(o.priors[column] / priors);
  return o.acoustic_scale * value;
}

static void Stream(const Network &network, int late, int rows, int chunk,
                   const ArcuateDecodableOptions &options) {
  ArcuateDecodable decodable(network.model, network.plan, options);
  CHECK(decodable.Latency() == late);
  const Rows frames = Frames(rows, decodable.FeatureDim());
  const Rows whole = Whole(network, frames);
  const int every = decodable.Subsampling();
  CHECK(decodable.NumFramesReady() == 0);
  CHECK(!decodable.IsLastFrame(-1));
  for (int at = 0; at < rows; at += chunk) {
    const int end = std::min(at + chunk, rows);
    Accept(&decodable, frames, at, end);
    // As many as are there, but for those that are waited for.
    CHECK(decodable.NumFramesReady() == (std::max(0, end - late) + every - 1) / every);
    CHECK(!decodable.IsLastFrame(decodable.NumFramesReady() - 1));
  }
  decodable.InputFinished();
  decodable.InputFinished();
  const int ready = decodable.NumFramesReady();
  CHECK(ready == (rows + every - 1) / every);
  CHECK(decodable.IsLastFrame(ready - 1));
  CHECK(ready < 2 || !decodable.IsLastFrame(0));
  for (int frame = 0; frame < ready; frame++) {
    for (int index = 1; index <= decodable.NumIndices(); index++) {
      const int column = options.outputs.empty() ? index - 1 : options.outputs[index - 1];
      const double expected = Expected(whole[static_cast<size_t>(frame * every)], column, options);
      CHECK(std::fabs(decodable.LogLikelihood(frame, index) - expected) <=
            1e-5 * std::max(1.0, std::fabs(expected)));
    }
  }
}

template <typename Body>
static void Refused(Body body) {
  bool threw = false;
  try {
    body();
  } catch (const std::exception &error) {
    threw = std::strlen(error.what()) > 0;
  }
  CHECK(threw);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  const Network lstm(arguments[1], 1, ARCUATE_FRAME_STATE_KEEP);
  const Network digits(arguments[2], 10, ARCUATE_FRAME_STATE_RESET);
  CHECK(arcuate_model_metadata_number(lstm.model, "latency", -1) == 3);
  CHECK(arcuate_model_metadata_number(lstm.model, "nothing", -1) == -1);
  CHECK(arcuate_model_metadata_number(lstm.model, nullptr, 5) == 5);

  ArcuateDecodableOptions plain;
  plain.acoustic_scale = 1;
  plain.log_softmax = false;
  ArcuateDecodableOptions full;
  full.priors = {1, 2, 3, 4};
  full.outputs = {3, 0, 0, 2, 1, 3};
  for (int rows : {1, 2, 3, 4, 20}) {
    for (int chunk : {1, 2, 7, 100}) {
      Stream(lstm, 3, rows, chunk, plain);
      full.subsampling = 1 + rows % 3;
      Stream(lstm, 3, rows, chunk, full);
      Stream(digits, 5, rows, chunk, ArcuateDecodableOptions());
    }
  }

  // The same bits however the frames come.
  const Rows frames = Frames(30, 3);
  std::vector<float> first;
  for (int chunk : {1, 4, 30}) {
    ArcuateDecodable decodable(lstm.model, lstm.plan, full);
    for (int at = 0; at < 30; at += chunk) Accept(&decodable, frames, at, std::min(at + chunk, 30));
    decodable.InputFinished();
    std::vector<float> all;
    for (int frame = 0; frame < decodable.NumFramesReady(); frame++) {
      for (int index = 1; index <= 6; index++) all.push_back(decodable.LogLikelihood(frame, index));
    }
    if (first.empty()) first = all;
    CHECK(all == first);
  }

  ArcuateDecodable empty(lstm.model, lstm.plan, plain);
  empty.AcceptFrames(nullptr, 0);
  empty.InputFinished();
  CHECK(empty.NumFramesReady() == 0 && empty.IsLastFrame(-1));
  Refused([&] { empty.AcceptFrames(frames[0].data(), 1); });
  Refused([&] { empty.LogLikelihood(0, 1); });
  ArcuateDecodable one(lstm.model, lstm.plan, plain);
  Accept(&one, frames, 0, 10);
  Refused([&] { one.LogLikelihood(0, 0); });
  Refused([&] { one.LogLikelihood(0, 5); });
  Refused([&] { one.LogLikelihood(7, 1); });
  const std::vector<float> bad(3, std::numeric_limits<float>::quiet_NaN());
  Refused([&] { one.AcceptFrames(bad.data(), 1); });
  ArcuateDecodableOptions wrong = plain;
  wrong.priors = {1, 2};
  Refused([&] { ArcuateDecodable(lstm.model, lstm.plan, wrong); });
  wrong = plain;
  wrong.outputs = {4};
  Refused([&] { ArcuateDecodable(lstm.model, lstm.plan, wrong); });
  Refused([&] { ArcuateDecodable(nullptr, nullptr, plain); });
  std::puts("ArcuateDecodable gives what the network gives");
  return 0;
}
