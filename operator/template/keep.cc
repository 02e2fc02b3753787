#include "operator/template/keep.h"

#include "operator/template/revision.h"
#include "runtime/learn.h"

namespace cloister::templates {
namespace {

// The store may hold a template that is gone, and its successor may have its name: a revision of it would be
// collected with it, under the sandboxes that are pinned to it. Asked for after the revision is there: what
// is gone from now on is gone under what it made.
Task<Result<void>> confirmTemplate(kube::Client& client, Stores& stores,
                                   std::shared_ptr<const api::SandboxTemplate> from) {
  const kube::ObjectKey key = api::keyOf(from->metadata);
  auto present = co_await client.get(kube::sandboxTemplates, key);
  if (!present && present.error().code != Errc::NotFound)
    co_return failWith("reading the template", present.error());
  if (present && json::findString(*present, "metadata.uid") == from->metadata.uid) co_return Result<void>{};
  if (present) learn(stores.templates, *present);
  co_return fail(
      {.code = Errc::Conflict, .message = "The template " + key.name + " is gone or another one."});
}

}  // namespace

Task<Result<void>> keepRevision(kube::Client& client, Stores& stores,
                                std::shared_ptr<const api::SandboxTemplate> from) {
  auto answer =
      co_await client.create(kube::controllerRevisions, from->metadata.namespace_, revisionOf(*from));
  // Its name says what it holds: whoever was faster kept the same.
  if (!answer && answer.error().code != Errc::AlreadyExists)
    co_return failWith("keeping the template's revision", answer.error());
  auto confirmed = co_await confirmTemplate(client, stores, from);
  if (!confirmed) co_return fail(confirmed.error());
  if (answer) {
    learn(stores.revisions, *answer);
  } else {
    co_await catchUp(client, stores.revisions, kube::controllerRevisions,
                     {from->metadata.namespace_, revisionName(*from)});
  }
  co_return Result<void>{};
}

}  // namespace cloister::templates
