"""A property that is computed when it is first asked for, and kept.

Python 3.11 holds a lock meanwhile, one for all objects of the class, which a child that is forked
in that moment would find locked for ever. Later versions do without it.
"""

import functools
import sys
from typing import TYPE_CHECKING

__all__ = ["cached_property"]

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from functools import cached_property  # noqa: TID251
else:

    class cached_property(functools.cached_property):  # noqa: N801, TID251  # a decorator
        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            if self.attrname not in vars(instance):
                vars(instance)[self.attrname] = self.func(instance)
            return vars(instance)[self.attrname]
