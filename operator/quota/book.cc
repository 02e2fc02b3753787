#include "operator/quota/book.h"

namespace cloister::quota {

const Book::Page& Book::page(const std::string& namespace_) const {
  static const Page empty;
  const auto found = pages_.find(namespace_);
  return found == pages_.end() ? empty : found->second;
}

void Book::note(Askers& askers, const std::string& namespace_, Asker asker) {
  Asker& known = askers[asker.uid];
  known.pods = asker.pods;
  if (known == asker) return;
  known = std::move(asker);
  if (observer_) observer_(namespace_);
}

void Book::noteSandbox(const std::string& namespace_, Asker sandbox) {
  note(pages_[namespace_].sandboxes, namespace_, std::move(sandbox));
}

void Book::notePool(const std::string& namespace_, Asker pool) {
  note(pages_[namespace_].pools, namespace_, std::move(pool));
}

void Book::forget(const std::string& namespace_, const std::string& uid) {
  const auto found = pages_.find(namespace_);
  if (found == pages_.end()) return;
  Page& page = found->second;
  page.answers.erase(uid);
  const bool known = page.sandboxes.erase(uid) + page.pools.erase(uid) > 0;
  if (known && observer_) observer_(namespace_);
}

void Book::begin(const std::string& namespace_, const std::string& pod) {
  underWay_.emplace(namespace_, pod);
}

void Book::end(const std::string& namespace_, const std::string& pod) {
  const auto found = underWay_.find({namespace_, pod});
  if (found != underWay_.end()) underWay_.erase(found);
}

bool Book::isUnderWay(const std::string& namespace_, const std::string& pod) const {
  return underWay_.contains({namespace_, pod});
}

UnderWay::UnderWay(Book& book, std::string namespace_, std::vector<std::string> pods)
    : book_(book), namespace_(std::move(namespace_)), pods_(std::move(pods)) {
  for (const std::string& pod : pods_) book_.begin(this->namespace_, pod);
}

UnderWay::~UnderWay() {
  for (const std::string& pod : pods_) book_.end(namespace_, pod);
}

std::optional<Answer> Book::answer(const std::string& namespace_, const std::string& uid) const {
  const auto& answers = page(namespace_).answers;
  const auto found = answers.find(uid);
  return found == answers.end() ? std::nullopt : std::optional(found->second);
}

void Book::publish(const std::string& namespace_, const std::string& uid, std::optional<Answer> answer) {
  auto& answers = pages_[namespace_].answers;
  if (answer)
    answers[uid] = *answer;
  else
    answers.erase(uid);
}

}  // namespace cloister::quota
