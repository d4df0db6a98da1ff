"""The losses, one a file."""

from featurizer.recsys.losses.bpr import bpr_loss
from featurizer.recsys.losses.cca import cca_loss
from featurizer.recsys.losses.l2 import l2_loss
from featurizer.recsys.losses.pairwise import pairwise_losses
from featurizer.recsys.losses.reg import reg_loss
from featurizer.recsys.losses.uia import uia_loss

__all__ = ["bpr_loss", "cca_loss", "l2_loss", "pairwise_losses", "reg_loss", "uia_loss"]
