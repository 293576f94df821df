#include "cprograms.h"

// One array for each file of the folder `programs`, and their names below; a test compares them.

static const char text_adaptive_lif[] = {
#embed "../../programs/adaptive-lif.txt"
    , 0};
static const char text_adex[] = {
#embed "../../programs/adex.txt"
    , 0};
static const char text_alpha_lif[] = {
#embed "../../programs/alpha-lif.txt"
    , 0};
static const char text_coba_lif[] = {
#embed "../../programs/coba-lif.txt"
    , 0};
static const char text_cuba_lif[] = {
#embed "../../programs/cuba-lif.txt"
    , 0};
static const char text_exponential_if[] = {
#embed "../../programs/exponential-if.txt"
    , 0};
static const char text_fefet_quasi_lif[] = {
#embed "../../programs/fefet-quasi-lif.txt"
    , 0};
static const char text_if[] = {
#embed "../../programs/if.txt"
    , 0};
static const char text_izhikevich[] = {
#embed "../../programs/izhikevich.txt"
    , 0};
static const char text_lava_lif_bitacc[] = {
#embed "../../programs/lava-lif-bitacc.txt"
    , 0};
static const char text_lif[] = {
#embed "../../programs/lif.txt"
    , 0};
static const char text_nengo_adaptivelif[] = {
#embed "../../programs/nengo-adaptivelif.txt"
    , 0};
static const char text_nengo_lif[] = {
#embed "../../programs/nengo-lif.txt"
    , 0};
static const char text_norse_lif[] = {
#embed "../../programs/norse-lif.txt"
    , 0};
static const char text_norse_lifbox[] = {
#embed "../../programs/norse-lifbox.txt"
    , 0};
static const char text_norse_lifbox_subtract[] = {
#embed "../../programs/norse-lifbox-subtract.txt"
    , 0};
static const char text_norse_lsnn[] = {
#embed "../../programs/norse-lsnn.txt"
    , 0};
static const char text_parametric_lif[] = {
#embed "../../programs/parametric-lif.txt"
    , 0};
static const char text_quadratic_if[] = {
#embed "../../programs/quadratic-if.txt"
    , 0};
static const char text_resonate_and_fire[] = {
#embed "../../programs/resonate-and-fire.txt"
    , 0};
static const char text_rockpool_lif[] = {
#embed "../../programs/rockpool-lif.txt"
    , 0};
static const char text_rockpool_lifneuron[] = {
#embed "../../programs/rockpool-lifneuron.txt"
    , 0};
static const char text_sigma_delta[] = {
#embed "../../programs/sigma-delta.txt"
    , 0};
static const char text_sigma_delta_modulator[] = {
#embed "../../programs/sigma-delta-modulator.txt"
    , 0};
static const char text_sinabs_alif[] = {
#embed "../../programs/sinabs-alif.txt"
    , 0};
static const char text_sinabs_alif_unnormalized[] = {
#embed "../../programs/sinabs-alif-unnormalized.txt"
    , 0};
static const char text_sinabs_expleak[] = {
#embed "../../programs/sinabs-expleak.txt"
    , 0};
static const char text_sinabs_iaf[] = {
#embed "../../programs/sinabs-iaf.txt"
    , 0};
static const char text_sinabs_iaf_clipped[] = {
#embed "../../programs/sinabs-iaf-clipped.txt"
    , 0};
static const char text_sinabs_lif[] = {
#embed "../../programs/sinabs-lif.txt"
    , 0};
static const char text_sinabs_lif_single[] = {
#embed "../../programs/sinabs-lif-single.txt"
    , 0};
static const char text_sinabs_lif_synapse[] = {
#embed "../../programs/sinabs-lif-synapse.txt"
    , 0};
static const char text_sinabs_lif_unnormalized[] = {
#embed "../../programs/sinabs-lif-unnormalized.txt"
    , 0};
static const char text_snntorch_alpha_none[] = {
#embed "../../programs/snntorch-alpha-none.txt"
    , 0};
static const char text_snntorch_alpha_subtract[] = {
#embed "../../programs/snntorch-alpha-subtract.txt"
    , 0};
static const char text_snntorch_alpha_zero[] = {
#embed "../../programs/snntorch-alpha-zero.txt"
    , 0};
static const char text_snntorch_lapicque_none[] = {
#embed "../../programs/snntorch-lapicque-none.txt"
    , 0};
static const char text_snntorch_lapicque_subtract[] = {
#embed "../../programs/snntorch-lapicque-subtract.txt"
    , 0};
static const char text_snntorch_lapicque_zero[] = {
#embed "../../programs/snntorch-lapicque-zero.txt"
    , 0};
static const char text_snntorch_leaky_none[] = {
#embed "../../programs/snntorch-leaky-none.txt"
    , 0};
static const char text_snntorch_leaky_subtract[] = {
#embed "../../programs/snntorch-leaky-subtract.txt"
    , 0};
static const char text_snntorch_leaky_subtract_no_delay[] = {
#embed "../../programs/snntorch-leaky-subtract-no-delay.txt"
    , 0};
static const char text_snntorch_leaky_zero[] = {
#embed "../../programs/snntorch-leaky-zero.txt"
    , 0};
static const char text_snntorch_leaky_zero_no_delay[] = {
#embed "../../programs/snntorch-leaky-zero-no-delay.txt"
    , 0};
static const char text_snntorch_rleaky_none[] = {
#embed "../../programs/snntorch-rleaky-none.txt"
    , 0};
static const char text_snntorch_rleaky_subtract[] = {
#embed "../../programs/snntorch-rleaky-subtract.txt"
    , 0};
static const char text_snntorch_rleaky_subtract_no_delay[] = {
#embed "../../programs/snntorch-rleaky-subtract-no-delay.txt"
    , 0};
static const char text_snntorch_rleaky_zero[] = {
#embed "../../programs/snntorch-rleaky-zero.txt"
    , 0};
static const char text_snntorch_rleaky_zero_no_delay[] = {
#embed "../../programs/snntorch-rleaky-zero-no-delay.txt"
    , 0};
static const char text_snntorch_rsynaptic_none[] = {
#embed "../../programs/snntorch-rsynaptic-none.txt"
    , 0};
static const char text_snntorch_rsynaptic_subtract[] = {
#embed "../../programs/snntorch-rsynaptic-subtract.txt"
    , 0};
static const char text_snntorch_rsynaptic_zero[] = {
#embed "../../programs/snntorch-rsynaptic-zero.txt"
    , 0};
static const char text_snntorch_synaptic_none[] = {
#embed "../../programs/snntorch-synaptic-none.txt"
    , 0};
static const char text_snntorch_synaptic_subtract[] = {
#embed "../../programs/snntorch-synaptic-subtract.txt"
    , 0};
static const char text_snntorch_synaptic_subtract_no_delay[] = {
#embed "../../programs/snntorch-synaptic-subtract-no-delay.txt"
    , 0};
static const char text_snntorch_synaptic_zero[] = {
#embed "../../programs/snntorch-synaptic-zero.txt"
    , 0};
static const char text_snntorch_synaptic_zero_no_delay[] = {
#embed "../../programs/snntorch-synaptic-zero-no-delay.txt"
    , 0};
static const char text_spikingjelly_cubalif_hard[] = {
#embed "../../programs/spikingjelly-cubalif-hard.txt"
    , 0};
static const char text_spikingjelly_cubalif_soft[] = {
#embed "../../programs/spikingjelly-cubalif-soft.txt"
    , 0};
static const char text_spikingjelly_if_hard[] = {
#embed "../../programs/spikingjelly-if-hard.txt"
    , 0};
static const char text_spikingjelly_if_soft[] = {
#embed "../../programs/spikingjelly-if-soft.txt"
    , 0};
static const char text_spikingjelly_lif_hard[] = {
#embed "../../programs/spikingjelly-lif-hard.txt"
    , 0};
static const char text_spikingjelly_lif_hard_undecayed[] = {
#embed "../../programs/spikingjelly-lif-hard-undecayed.txt"
    , 0};
static const char text_spikingjelly_lif_soft[] = {
#embed "../../programs/spikingjelly-lif-soft.txt"
    , 0};
static const char text_spikingjelly_lif_soft_undecayed[] = {
#embed "../../programs/spikingjelly-lif-soft-undecayed.txt"
    , 0};
static const char text_spikingjelly_parametriclif_hard[] = {
#embed "../../programs/spikingjelly-parametriclif-hard.txt"
    , 0};
static const char text_spikingjelly_parametriclif_hard_undecayed[] = {
#embed "../../programs/spikingjelly-parametriclif-hard-undecayed.txt"
    , 0};
static const char text_spikingjelly_parametriclif_soft[] = {
#embed "../../programs/spikingjelly-parametriclif-soft.txt"
    , 0};
static const char text_spikingjelly_parametriclif_soft_undecayed[] = {
#embed "../../programs/spikingjelly-parametriclif-soft-undecayed.txt"
    , 0};
static const char text_spyx_alif[] = {
#embed "../../programs/spyx-alif.txt"
    , 0};
static const char text_spyx_cubalif[] = {
#embed "../../programs/spyx-cubalif.txt"
    , 0};
static const char text_spyx_if[] = {
#embed "../../programs/spyx-if.txt"
    , 0};
static const char text_spyx_lif[] = {
#embed "../../programs/spyx-lif.txt"
    , 0};
static const char text_spyx_rif[] = {
#embed "../../programs/spyx-rif.txt"
    , 0};
static const char text_two_compartment[] = {
#embed "../../programs/two-compartment.txt"
    , 0};
static const char text_two_synapse_lif[] = {
#embed "../../programs/two-synapse-lif.txt"
    , 0};
static const char text_xylosim_iaf[] = {
#embed "../../programs/xylosim-iaf.txt"
    , 0};

static const struct {
  const char *name, *text;
} entries[] = {
    {"adaptive-lif", text_adaptive_lif},
    {"adex", text_adex},
    {"alpha-lif", text_alpha_lif},
    {"coba-lif", text_coba_lif},
    {"cuba-lif", text_cuba_lif},
    {"exponential-if", text_exponential_if},
    {"fefet-quasi-lif", text_fefet_quasi_lif},
    {"if", text_if},
    {"izhikevich", text_izhikevich},
    {"lava-lif-bitacc", text_lava_lif_bitacc},
    {"lif", text_lif},
    {"nengo-adaptivelif", text_nengo_adaptivelif},
    {"nengo-lif", text_nengo_lif},
    {"norse-lif", text_norse_lif},
    {"norse-lifbox", text_norse_lifbox},
    {"norse-lifbox-subtract", text_norse_lifbox_subtract},
    {"norse-lsnn", text_norse_lsnn},
    {"parametric-lif", text_parametric_lif},
    {"quadratic-if", text_quadratic_if},
    {"resonate-and-fire", text_resonate_and_fire},
    {"rockpool-lif", text_rockpool_lif},
    {"rockpool-lifneuron", text_rockpool_lifneuron},
    {"sigma-delta", text_sigma_delta},
    {"sigma-delta-modulator", text_sigma_delta_modulator},
    {"sinabs-alif", text_sinabs_alif},
    {"sinabs-alif-unnormalized", text_sinabs_alif_unnormalized},
    {"sinabs-expleak", text_sinabs_expleak},
    {"sinabs-iaf", text_sinabs_iaf},
    {"sinabs-iaf-clipped", text_sinabs_iaf_clipped},
    {"sinabs-lif", text_sinabs_lif},
    {"sinabs-lif-single", text_sinabs_lif_single},
    {"sinabs-lif-synapse", text_sinabs_lif_synapse},
    {"sinabs-lif-unnormalized", text_sinabs_lif_unnormalized},
    {"snntorch-alpha-none", text_snntorch_alpha_none},
    {"snntorch-alpha-subtract", text_snntorch_alpha_subtract},
    {"snntorch-alpha-zero", text_snntorch_alpha_zero},
    {"snntorch-lapicque-none", text_snntorch_lapicque_none},
    {"snntorch-lapicque-subtract", text_snntorch_lapicque_subtract},
    {"snntorch-lapicque-zero", text_snntorch_lapicque_zero},
    {"snntorch-leaky-none", text_snntorch_leaky_none},
    {"snntorch-leaky-subtract", text_snntorch_leaky_subtract},
    {"snntorch-leaky-subtract-no-delay", text_snntorch_leaky_subtract_no_delay},
    {"snntorch-leaky-zero", text_snntorch_leaky_zero},
    {"snntorch-leaky-zero-no-delay", text_snntorch_leaky_zero_no_delay},
    {"snntorch-rleaky-none", text_snntorch_rleaky_none},
    {"snntorch-rleaky-subtract", text_snntorch_rleaky_subtract},
    {"snntorch-rleaky-subtract-no-delay", text_snntorch_rleaky_subtract_no_delay},
    {"snntorch-rleaky-zero", text_snntorch_rleaky_zero},
    {"snntorch-rleaky-zero-no-delay", text_snntorch_rleaky_zero_no_delay},
    {"snntorch-rsynaptic-none", text_snntorch_rsynaptic_none},
    {"snntorch-rsynaptic-subtract", text_snntorch_rsynaptic_subtract},
    {"snntorch-rsynaptic-zero", text_snntorch_rsynaptic_zero},
    {"snntorch-synaptic-none", text_snntorch_synaptic_none},
    {"snntorch-synaptic-subtract", text_snntorch_synaptic_subtract},
    {"snntorch-synaptic-subtract-no-delay", text_snntorch_synaptic_subtract_no_delay},
    {"snntorch-synaptic-zero", text_snntorch_synaptic_zero},
    {"snntorch-synaptic-zero-no-delay", text_snntorch_synaptic_zero_no_delay},
    {"spikingjelly-cubalif-hard", text_spikingjelly_cubalif_hard},
    {"spikingjelly-cubalif-soft", text_spikingjelly_cubalif_soft},
    {"spikingjelly-if-hard", text_spikingjelly_if_hard},
    {"spikingjelly-if-soft", text_spikingjelly_if_soft},
    {"spikingjelly-lif-hard", text_spikingjelly_lif_hard},
    {"spikingjelly-lif-hard-undecayed", text_spikingjelly_lif_hard_undecayed},
    {"spikingjelly-lif-soft", text_spikingjelly_lif_soft},
    {"spikingjelly-lif-soft-undecayed", text_spikingjelly_lif_soft_undecayed},
    {"spikingjelly-parametriclif-hard", text_spikingjelly_parametriclif_hard},
    {"spikingjelly-parametriclif-hard-undecayed", text_spikingjelly_parametriclif_hard_undecayed},
    {"spikingjelly-parametriclif-soft", text_spikingjelly_parametriclif_soft},
    {"spikingjelly-parametriclif-soft-undecayed", text_spikingjelly_parametriclif_soft_undecayed},
    {"spyx-alif", text_spyx_alif},
    {"spyx-cubalif", text_spyx_cubalif},
    {"spyx-if", text_spyx_if},
    {"spyx-lif", text_spyx_lif},
    {"spyx-rif", text_spyx_rif},
    {"two-compartment", text_two_compartment},
    {"two-synapse-lif", text_two_synapse_lif},
    {"xylosim-iaf", text_xylosim_iaf},
};

enum { COUNT = sizeof entries / sizeof entries[0] };

const char *cprograms_name(size_t index) { return index < COUNT ? entries[index].name : NULL; }

const char *cprograms_text(size_t index) { return index < COUNT ? entries[index].text : NULL; }
