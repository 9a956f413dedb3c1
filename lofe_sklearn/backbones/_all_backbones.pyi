# The backbones, one line each. `lofe_sklearn`, `lofe_sklearn.backbones` and the choices of
# `python -m lofe_sklearn --backbone` are read from here, so a new backbone needs no other export.
from lofe_sklearn.backbones._autoencoder import AutoEncoder as AutoEncoder
from lofe_sklearn.backbones._deep_svdd import DeepSVDD as DeepSVDD
from lofe_sklearn.backbones._dte import DTE as DTE
from lofe_sklearn.backbones._goad import GOAD as GOAD
from lofe_sklearn.backbones._icl import ICL as ICL
from lofe_sklearn.backbones._mhrot import MHRot as MHRot
from lofe_sklearn.backbones._neutral import NeuTraL as NeuTraL
from lofe_sklearn.backbones._real_nvp import RealNVP as RealNVP
from lofe_sklearn.backbones._tccm import TCCM as TCCM
