// Fuzz target: a whole config tree as bytes, from its layers to the config of a node and back.
//
// The input is a list of files, each "LPATH<US>CONTENT<RS>" with L the layer's digit (US 0x1f, RS
// 0x1e). In layer 6 the path is a credential's name, in layer 7 the content a kernel command line.
#include <string_view>

#include "base/text.h"
#include "model/dotted_layer.h"
#include "model/key_names.h"
#include "model/merge.h"
#include "model/node_config.h"
#include "model/schema.h"

using namespace klubster;

namespace {

constexpr char kBetweenFiles = '\x1e';
constexpr char kBeforeContent = '\x1f';

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void add_file(MergeRequest& request, std::string_view text) {
  if (text.empty() || text[0] < '2' || text[0] > '8') return;
  TreeLayer& layer = request.layers[static_cast<std::size_t>(text[0] - '2')];
  const auto cut = text.find(kBeforeContent);
  const std::string path(text.substr(1, cut == std::string_view::npos ? cut : cut - 1));
  const std::string content(cut == std::string_view::npos ? "" : text.substr(cut + 1));
  if (layer.layer == kLayerCredential) return add_dotted(layer, path, tree_value(content), path);
  if (layer.layer == kLayerKernel) {
    layer = kernel_layer(kernel_words(content));
    return;
  }
  auto value = tree_value(content);
  if (value) {
    layer.files.push_back({path, std::move(*value), "/" + path});
  } else {
    layer.problems.push_back({"/" + path, path, value.error().message()});
  }
}

void check_settings(const MergedTree& tree) {
  for (const auto& [key, setting] : tree.settings) {
    const KeySpec* spec = find_key(key);
    require(spec != nullptr);
    require(check_value(*spec, setting.value).has_value());
    require(setting.origin.layer != kLayerKernel || !spec->secret);
    require(key_of_credential(credential_name(key)).has_value());
    for (const auto& shadowed : setting.shadowed)
      require(shadowed.origin.layer <= setting.origin.layer);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  MergeRequest request;
  for (int layer = kLayerImage; layer <= kLayerLocation; ++layer)
    request.layers.push_back({layer, "", {}, {}});
  for (const auto& file : split(bytes, kBetweenFiles))
    add_file(request, file);
  request.hostname = "n1";
  request.hardware =
      Hardware{"0123456789abcdef0123456789abcdef", "SN 1", "", "", {"52:54:00:00:00:01"}};

  const MergedTree tree = merge_tree(request);
  check_settings(tree);
  const auto config = make_node_config(tree);
  require(tree.errors.empty() || !config);
  if (!config) return 0;
  // What is kept on disk comes back as the same config.
  const auto back =
      node_config_from_json(to_json(*config, SecretForm::kDigest, "salt"), tree.settings);
  require(back && back->config_hash == config->config_hash);
  require(changed_keys(*config, *back).empty());
  return 0;
}
