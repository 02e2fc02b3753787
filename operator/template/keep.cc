#include "operator/template/keep.h"

#include "operator/learn.h"
#include "operator/template/revision.h"

namespace cloister::templates {

Task<Result<void>> keepRevision(kube::Client& client, Stores& stores,
                                std::shared_ptr<const api::SandboxTemplate> from) {
  auto answer =
      co_await client.create(kube::controllerRevisions, from->metadata.namespace_, revisionOf(*from));
  if (!answer && answer.error().code == Errc::AlreadyExists) {
    // Its name says what it holds: whoever was faster kept the same.
    co_await catchUp(client, stores.revisions, kube::controllerRevisions,
                     {from->metadata.namespace_, revisionName(*from)});
    co_return Result<void>{};
  }
  if (!answer) co_return failWith("keeping the template's revision", answer.error());
  learn(stores.revisions, *answer);
  co_return Result<void>{};
}

}  // namespace cloister::templates
