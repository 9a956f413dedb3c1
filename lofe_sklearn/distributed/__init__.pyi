from lofe_sklearn.distributed._batch_scorer import BatchScorer as BatchScorer
from lofe_sklearn.distributed._fit_shard import fit_shard as fit_shard
from lofe_sklearn.distributed._process_group import process_group as process_group
