//! A thread per core, each with a runtime pool of one thread: texts are run one by one, so that none depends on those beside it.

use rten::ThreadPool;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The pools, made when there is first something to do.
#[derive(Default)]
pub(super) struct Workers(OnceLock<Vec<Arc<ThreadPool>>>);

impl Workers {
    /// What `work` makes of each number below `count`, in order.
    pub(super) fn each<T: Send>(&self, count: usize, work: impl Fn(usize, &Arc<ThreadPool>) -> T + Sync) -> Vec<T> {
        let next = AtomicUsize::new(0);
        let made = Mutex::new(Vec::with_capacity(count));
        let run = |pool: &Arc<ThreadPool>| {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return;
                }
                let value = work(at, pool);
                made.lock().unwrap_or_else(PoisonError::into_inner).push((at, value));
            }
        };
        std::thread::scope(|scope| {
            for pool in self.pools().iter().take(count) {
                scope.spawn(|| run(pool));
            }
        });
        let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        made.sort_unstable_by_key(|(at, _)| *at);
        made.into_iter().map(|(_, value)| value).collect()
    }

    fn pools(&self) -> &[Arc<ThreadPool>] {
        self.0.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (0..cores).map(|_| Arc::new(ThreadPool::with_num_threads(1))).collect()
        })
    }
}
