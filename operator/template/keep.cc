#include "operator/template/keep.h"

#include "operator/learn.h"
#include "operator/template/revision.h"

namespace cloister::templates {

Task<Result<void>> keepRevision(kube::Client& client, Stores& stores,
                                std::shared_ptr<const api::SandboxTemplate> from) {
  auto answer =
      co_await client.create(kube::controllerRevisions, from->metadata.namespace_, revisionOf(*from));
  if (answer) learn(stores.revisions, *answer);
  // Its name says what it holds: whoever was faster kept the same.
  if (answer || answer.error().code == Errc::AlreadyExists) co_return Result<void>{};
  co_return failWith("keeping the template's revision", answer.error());
}

}  // namespace cloister::templates
