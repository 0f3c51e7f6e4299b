"""Scores and latencies as one HTML page with pictures, which needs no network and no other file."""

from enet_ros.report.comparison import Changes, ComparisonPage, comparison_page
from enet_ros.report.dataset import DatasetPage, Doubt, dataset_page
from enet_ros.report.evaluation import Chosen, EvaluationPage, Gallery, evaluation_page
from enet_ros.report.page import can_report, require_report
from enet_ros.report.pictures import EvenSample, Still
from enet_ros.report.run import RunPage, run_page
from enet_ros.report.series import FreeSpaceSeries, LatencySeries, RateSeries

__all__ = [
    "Changes",
    "Chosen",
    "ComparisonPage",
    "DatasetPage",
    "Doubt",
    "EvaluationPage",
    "EvenSample",
    "FreeSpaceSeries",
    "Gallery",
    "LatencySeries",
    "RateSeries",
    "RunPage",
    "Still",
    "can_report",
    "comparison_page",
    "dataset_page",
    "evaluation_page",
    "require_report",
    "run_page",
]
