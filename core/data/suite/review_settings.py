"""What stands before or after a review."""

from core.data.suite.drawing import Draw
from core.data.suite.trees import Node


def set_in_scene(draw: Draw, clause: Node, template: str) -> Node:
    return clause
