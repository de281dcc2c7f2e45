// What Core asks, in its order, and what it is told. Pure: no process is touched here.
//
// Core reads one line of standard input for each question; an empty line or the end of the input is
// taken as its default, which is how a question that nobody foresaw would be answered by accident.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace klubster {

// Core up to 0.9.4 has scripts/bootstrap-k3s-stack.sh, later ones scripts/apply.sh.
enum class CoreGeneration { kBootstrap, kApply };

struct Question {
  std::string text;  // as Core prints it, without the default behind it; "*" stands for any text
  std::string answer;
  bool secret = false;
  bool must = false;     // Core does nothing before it was asked
  bool anytime = false;  // out of order, and more than once
};

// What a node answers with; everything that is empty is answered by an empty line.
struct CoreAnswers {
  std::string server_url, token;
  std::string base_domain, rancher_host, registry_host;
  std::string tls_mode = "2", email, acme = "staging";
  std::string longhorn_path = "/data", replicas = "1", minimal = "10", longhorn_default = "y";
  std::string rancher_password;
  std::string registry_size = "20Gi", registry_class, registry_user, registry_password;
  std::string nfs_path, nfs_network;
  std::string trust_docker = "n";
};

// The questions of a mode ("server", "agent", "stack", "single-node"), in Core's order. Which of
// them it asks depends on what it finds.
std::vector<Question> questions_of(CoreGeneration generation, const std::string& mode,
                                   const CoreAnswers& answers);
// Those of scripts/cleanup.sh.
std::vector<Question> cleanup_questions();

// The question at the end of what was printed since the last newline: "Agent server URL" of "Agent
// server URL [https://…]: ". Nothing: this is not how Core asks.
std::optional<std::string> question_in(std::string_view tail);

// One run of Core, question by question.
class Interview {
 public:
  explicit Interview(std::vector<Question> questions) : questions_(std::move(questions)) {}

  // What to answer. Null: it is not expected, or not at this point.
  const Question* asked(std::string_view question);
  // The first question that Core had to ask and did not; empty: none.
  std::string unasked() const;
  // Whether Core was told to begin: from here on it reads no answers any more.
  bool over() const;

 private:
  std::vector<Question> questions_;
  std::size_t next_ = 0;
};

}  // namespace klubster
