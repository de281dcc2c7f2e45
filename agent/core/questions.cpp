// The sequences of both generations, as their sources print them.
#include "core/questions.h"

#include <algorithm>

namespace klubster {

namespace {

using Questions = std::vector<Question>;

constexpr const char* kProceed = "Proceed with this plan?";

void add(Questions& list, std::string text, std::string answer = "y", bool secret = false) {
  list.push_back({std::move(text), std::move(answer), secret, false, false});
}

void add_base(Questions& list) {
  add(list, "Existing k3s installation detected. Continue using it without changes? [required]");
  add(list, "k3s was not detected. Install it now? [required]");
  add(list, "Helm is already installed. Continue using it without changes? [required]");
  add(list, "Helm was not detected. Install it now? [required]");
}

void add_agent(Questions& list, const CoreAnswers& answers) {
  add(list,
      "Existing k3s agent installation detected. Continue using it without changes? [required]");
  add(list, "k3s agent was not detected. Install it now? [required]");
  add(list, "Agent server URL", answers.server_url);
  add(list, "Agent cluster token", answers.token, true);
}

void add_components(Questions& list) {
  for (const std::string name : {"Longhorn", "Rancher", "The in-cluster registry"}) {
    add(list, name + " is already present. Leave it unchanged and continue? [optional]");
    add(list, name + " is missing. Install it now? [optional]");
  }
  add(list, "cert-manager is missing. Install it now? [required for TLS-dependent installs]");
}

void add_nfs(Questions& list, const CoreAnswers& answers) {
  const bool wanted = !answers.nfs_path.empty();
  add(list,
      "Do you want to ensure a local NFS server is available for host-to-cluster shared files? "
      "[optional]",
      wanted ? "y" : "n");
  if (!wanted) return;
  add(list, "NFS server and export are already present. Leave them unchanged and continue?");
  add(list, "NFS export path on the host", answers.nfs_path);
  add(list, "Allowed client network/CIDR for the NFS export", answers.nfs_network);
}

void add_tls(Questions& list, const CoreAnswers& answers) {
  add(list, "Choose TLS mode (1/2)", answers.tls_mode);
  add(list, "Let's Encrypt email", answers.email);
  add(list, "Let's Encrypt environment (staging/production)", answers.acme);
}

void add_longhorn(Questions& list, const CoreAnswers& answers) {
  add(list, "Longhorn data mount path", answers.longhorn_path);
  add(list, "Longhorn default replica count (1 for single-node)", answers.replicas);
  add(list,
      "Longhorn storage minimal available percentage (10 is recommended for single-node dev/lab)",
      answers.minimal);
}

void add_rancher(Questions& list, const CoreAnswers& answers) {
  add(list, "Rancher hostname (DNS name)", answers.rancher_host);
  add(list, "Rancher bootstrap password", answers.rancher_password, true);
}

void add_registry(Questions& list, const CoreAnswers& answers) {
  const bool guarded = !answers.registry_user.empty();
  add(list, "Registry hostname (DNS name)", answers.registry_host);
  add(list, "Registry PVC size", answers.registry_size);
  add(list, "Registry StorageClass (blank uses cluster default)", answers.registry_class);
  add(list, "Do you want to enable basic auth on the in-cluster registry?", guarded ? "y" : "n");
  if (!guarded) return;
  add(list, "Registry username", answers.registry_user);
  add(list, "Registry password", answers.registry_password, true);
}

// From 0.9.5 on: what the add-ons ask, each in its turn.
void add_details(Questions& list, const CoreAnswers& answers) {
  add(list, "Base domain (used to build hostnames)", answers.base_domain);
  add_tls(list, answers);
  add_longhorn(list, answers);
  add(list, "Make Longhorn the default StorageClass?", answers.longhorn_default);
  add_rancher(list, answers);
  add(list, "Update local /etc/hosts on this machine for the Rancher hostname?");
  add_registry(list, answers);
  add(list, "Update local /etc/hosts on this machine for the registry hostname?");
  add(list, "Install local Docker trust for the registry certificate on this machine?",
      answers.trust_docker);
}

void add_old_details(Questions& list, const CoreAnswers& answers) {
  add(list,
      "Do you want this script to add/update local /etc/hosts entries for Rancher and Registry on "
      "this machine? [optional]");
  add(list, "Base domain (used to build hostnames)", answers.base_domain);
  add_rancher(list, answers);
  add_registry(list, answers);
  add_tls(list, answers);
  add_longhorn(list, answers);
  add(list,
      "Do you want this script to trust the registry certificate in local Docker on this machine? "
      "[optional]",
      answers.trust_docker);
}

// What 0.9.4 asks while it installs, when it finds a reason to.
void add_late(Questions& list, const CoreAnswers& answers) {
  const auto late = [&](const char* text, const std::string& answer) {
    list.push_back({text, answer, false, false, true});
  };
  late("Install the missing packages for *?", "y");
  late("Enable and start 'iscsid' now?", "y");
  late("* preflight found warnings. Continue anyway?", "y");
  late("ClusterIssuer '*' is missing. Create it now?", "y");
  late("Make Longhorn the default StorageClass?", answers.longhorn_default);
}

bool fits(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  const auto before = pattern.substr(0, star), after = pattern.substr(star + 1);
  return text.size() >= before.size() + after.size() && text.starts_with(before) &&
         text.ends_with(after);
}

}  // namespace

std::vector<Question> questions_of(CoreGeneration generation, const std::string& mode,
                                   const CoreAnswers& answers) {
  Questions list;
  const bool local = mode == "single-node";
  if (mode == "agent") add_agent(list, answers);
  if (mode == "server" || local) add_base(list);
  if (mode == "stack" || local) {
    add_components(list);
    if (local) add_nfs(list, answers);
    generation == CoreGeneration::kApply ? add_details(list, answers)
                                         : add_old_details(list, answers);
  }
  list.push_back({kProceed, "y", false, true, false});
  if (generation == CoreGeneration::kBootstrap) add_late(list, answers);
  return list;
}

std::vector<Question> cleanup_questions() {
  return {{"Apply the full destructive cleanup?", "y", false, false, false},
          {"Type CLEAN to continue", "CLEAN", false, false, false}};
}

std::optional<std::string> question_in(std::string_view tail) {
  // bash's `clear` and colours do not stand in a question, but may stand before it.
  const auto escape = tail.rfind('\x1b');
  if (escape != std::string_view::npos) {
    const auto end = tail.find_first_of("mKJH", escape);
    tail = end == std::string_view::npos ? "" : tail.substr(end + 1);
  }
  for (const std::string_view ending : {"]: ", "] (y/n): "}) {
    const auto open = tail.rfind(" [");
    if (tail.ends_with(ending) && open != std::string_view::npos && open > 0) {
      return std::string(tail.substr(0, open));
    }
  }
  if (tail.ends_with(": ") && tail.size() > 2) return std::string(tail.substr(0, tail.size() - 2));
  return std::nullopt;
}

const Question* Interview::asked(std::string_view question) {
  for (std::size_t i = next_; i < questions_.size(); ++i) {
    const Question& one = questions_[i];
    if (one.anytime || !fits(one.text, question)) {
      if (one.must) break;  // what comes after it cannot be asked before it
      continue;
    }
    next_ = i + 1;
    return &one;
  }
  const auto late = std::find_if(questions_.begin(), questions_.end(), [&](const Question& one) {
    return one.anytime && fits(one.text, question);
  });
  return late == questions_.end() || !over() ? nullptr : &*late;
}

std::string Interview::unasked() const {
  for (std::size_t i = next_; i < questions_.size(); ++i) {
    if (questions_[i].must) return questions_[i].text;
  }
  return "";
}

bool Interview::over() const {
  return unasked().empty();
}

}  // namespace klubster
