//! Changes that share a push: a commit for each, one upon the other.

use git2::{Oid, Repository};

use super::{
    commit,
    error::GitError,
    pending::{Pending, Written},
    tip::CommitId,
    transport::has,
};

/// What a change came to on the tip it was shown. True only once the commits below it have landed.
enum Made {
    Commit(Oid),
    Unchanged,
    Failed(GitError),
}

struct Member {
    pending: Pending,
    made: Made,
}

/// The members of one push.
#[derive(Default)]
pub(super) struct Batch {
    members: Vec<Member>,
    head: Option<Oid>,
}

impl Batch {
    /// Makes the commits on the base. A change whose commit of an earlier round is found there is answered at once, and
    /// so is one whose time is over or that was sent as often as allowed.
    ///
    /// # Errors
    /// The mirror is damaged; the changes come back with the error.
    pub(super) fn build(
        repository: &Repository,
        base: Option<Oid>,
        changes: Vec<Pending>,
        most_sent: u32,
    ) -> Result<Self, (GitError, Vec<Pending>)> {
        let mut batch = Self {
            members: Vec::with_capacity(changes.len()),
            head: base,
        };
        let mut changes = changes.into_iter();
        while let Some(pending) = changes.next() {
            if let Some(landed) = landed(repository, base, &pending) {
                pending.answer(Ok(Written::Committed(CommitId(landed))));
            } else if pending.ticket.is_over() || pending.sent.len() >= most_sent as usize {
                pending.end();
            } else if pending.ticket.stage.begin()
                && let Err(failed) = batch.add(repository, pending)
            {
                let (damage, pending) = *failed;
                let begun = batch.take_back().into_iter().chain(taken_back(vec![pending]));
                return Err((damage, begun.chain(changes).collect()));
            }
        }
        Ok(batch)
    }

    /// Makes the change's commit on those before it.
    fn add(&mut self, repository: &Repository, mut pending: Pending) -> Result<(), Box<(GitError, Pending)>> {
        let made = match commit::build(repository, self.head, &mut pending.change) {
            Err(damage) if damage.blames_the_mirror() => return Err(Box::new((damage, pending))),
            Err(error) => Made::Failed(error),
            Ok(None) => Made::Unchanged,
            Ok(Some(commit)) => {
                self.head = Some(commit);
                Made::Commit(commit)
            }
        };
        self.members.push(Member { pending, made });
        Ok(())
    }

    /// The commit to push, none if nothing changes.
    pub(super) fn to_push(&self) -> Option<Oid> {
        self.head.filter(|_| self.commits() > 0)
    }

    /// How many commits there are.
    pub(super) fn commits(&self) -> usize {
        let is_commit = |member: &&Member| matches!(member.made, Made::Commit(_));
        self.members.iter().filter(is_commit).count()
    }

    /// Answers everybody: the commits, if there are any, are on the branch.
    pub(super) fn settle(self) {
        let head = self.head.map(CommitId);
        for Member { pending, made } in self.members {
            pending.answer(match made {
                Made::Commit(commit) => Ok(Written::Committed(CommitId(commit))),
                Made::Unchanged => Ok(Written::Unchanged(head)),
                Made::Failed(error) => Err(error),
            });
        }
    }

    /// Answers the one whose commit was refused; the others come back, since what they were shown did not come true.
    pub(super) fn refuse(self, error: &GitError) -> Vec<Pending> {
        let mut others = Vec::new();
        for Member { pending, made } in self.members {
            match made {
                Made::Commit(_) => pending.answer(Err(error.clone())),
                _ => others.push(pending),
            }
        }
        taken_back(others)
    }

    /// Gives the changes back: it is certain that nothing was taken.
    pub(super) fn take_back(self) -> Vec<Pending> {
        taken_back(self.members.into_iter().map(|member| member.pending).collect())
    }

    /// Gives the changes back: their commits may have been taken.
    pub(super) fn in_doubt(self) -> Vec<Pending> {
        let mark = |Member { mut pending, made }: Member| {
            match made {
                Made::Commit(commit) => pending.sent.push(commit),
                _ if pending.is_undecided() => {}
                _ => pending.ticket.stage.take_back(),
            }
            pending
        };
        self.members.into_iter().map(mark).collect()
    }
}

fn taken_back(changes: Vec<Pending>) -> Vec<Pending> {
    // One that may have landed in an earlier round stays undecided.
    let certain = changes.iter().filter(|pending| !pending.is_undecided());
    certain.for_each(|pending| pending.ticket.stage.take_back());
    changes
}

/// The commit made for the change in an earlier round, if the branch holds it.
fn landed(repository: &Repository, base: Option<Oid>, pending: &Pending) -> Option<Oid> {
    let base = base?;
    let holds = |commit: Oid| {
        commit == base
            || (has(repository, commit) && repository.graph_descendant_of(base, commit).unwrap_or(false))
    };
    pending.sent.iter().copied().find(|commit| holds(*commit))
}
