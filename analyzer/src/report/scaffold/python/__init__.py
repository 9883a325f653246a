"""How one stage of the monolith hands a run over to the next.

A stage calls the monolith's own way through its stages, from the beginning.
What earlier stages were asked there is answered with what they said then; what
this stage is asked really runs, and is noted; where a later stage is asked the
run stops, and its message goes to the next queue. A run's archive (one blob for
each run and crossing) holds what was said, the files, and the global variables
that cross. The same message makes the same archive under the same name, so a
repeat does no harm.

Written by `cutline scaffold`, the same in each app.
"""

from .errors import HandoverError
from .redirect import asynchronous, called, defined
from .stage import Stage

__all__ = ["HandoverError", "Stage", "asynchronous", "called", "defined"]
