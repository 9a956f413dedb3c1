# What the package exports: read by type checkers, and by `lofe_sklearn._lazy` at run time.
from lofe_sklearn import active as active
from lofe_sklearn import adapters as adapters
from lofe_sklearn import backbones as backbones
from lofe_sklearn import datasets as datasets
from lofe_sklearn import distributed as distributed
from lofe_sklearn import engine as engine
from lofe_sklearn import exceptions as exceptions
from lofe_sklearn import features as features
from lofe_sklearn import images as images
from lofe_sklearn import inspection as inspection
from lofe_sklearn import metrics as metrics
from lofe_sklearn import model_selection as model_selection
from lofe_sklearn import plotting as plotting
from lofe_sklearn import rules as rules
from lofe_sklearn import sources as sources
from lofe_sklearn import tabular as tabular
from lofe_sklearn import testing as testing
from lofe_sklearn._config import config_context as config_context
from lofe_sklearn._config import get_config as get_config
from lofe_sklearn._fit_many import fit_many as fit_many
from lofe_sklearn._loe import LOE as LOE
from lofe_sklearn._onnx._export import to_onnx as to_onnx
from lofe_sklearn._saving._model_file import load as load
from lofe_sklearn._saving._model_file import save as save
from lofe_sklearn._search import LOESearchCV as LOESearchCV
from lofe_sklearn._show_versions import show_versions as show_versions
from lofe_sklearn.backbones._all_backbones import *
from lofe_sklearn.exceptions import ModelFileError as ModelFileError
from lofe_sklearn.exceptions import NoSeparateGroupWarning as NoSeparateGroupWarning
from lofe_sklearn.exceptions import ProcessGroupError as ProcessGroupError
from lofe_sklearn.exceptions import TrainingDivergedError as TrainingDivergedError

__version__: str
