// The header in C++11, with ownership by unique_ptr.
#include <arcuate.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

template <typename T, void (*Free)(T *)>
struct Deleter {
  void operator()(T *object) const { Free(object); }
};
using Model = std::unique_ptr<arcuate_model, Deleter<arcuate_model, arcuate_model_free>>;
using Plan = std::unique_ptr<arcuate_plan, Deleter<arcuate_plan, arcuate_plan_free>>;
using Session = std::unique_ptr<arcuate_session, Deleter<arcuate_session, arcuate_session_free>>;

// By reference, since the call that sets the error is an argument as well.
static void check(arcuate_status status, arcuate_error *const &error) {
  if (status == ARCUATE_SUCCESS) return;
  std::string message = arcuate_error_message(error);
  arcuate_error_free(error);
  throw std::runtime_error(message);
}

int main(int count, char **arguments) {
  if (count != 3) return 1;
  try {
    arcuate_error *error = nullptr;
    arcuate_model *model = nullptr;
    check(arcuate_model_open(arguments[1], nullptr, &model, &error), error);
    Model owned_model(model);
    arcuate_plan *plan = nullptr;
    check(arcuate_plan_create(model, nullptr, &plan, &error), error);
    Plan owned_plan(plan);
    arcuate_session *session = nullptr;
    check(arcuate_session_create(plan, &session, &error), error);
    Session owned_session(session);
    std::vector<float> x(arcuate_plan_input_size(plan, 0), 1.0f);
    std::vector<float> y(arcuate_plan_output_size(plan, 0));
    const float *inputs[] = {x.data()};
    float *outputs[] = {y.data()};
    const std::size_t input_counts[] = {x.size()}, output_counts[] = {y.size()};
    check(arcuate_session_run(session, 1, inputs, input_counts, outputs, output_counts), nullptr);
  } catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
  try {
    arcuate_error *error = nullptr;
    arcuate_model *model = nullptr;
    check(arcuate_model_open("missing.nir", nullptr, &model, &error), error);
    return 1;
  } catch (const std::runtime_error &) {
    return 0;
  }
}
