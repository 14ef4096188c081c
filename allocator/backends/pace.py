# SPDX-License-Identifier: Apache-2.0
"""When to ask a backend whether it has decided an allocation.

It takes its own time, the same for most of them, longer when it is busy. To
ask before is work for it, and to ask late is time lost; so the first question
comes when the last ones were decided, and further ones soon after it.
"""

# Seconds that the first decision of a backend is supposed to take.
SUPPOSED = 0.06

# Seconds before a question, at least and at most.
LEAST = 0.01
MOST = 1

# Of the usual time, the part before the first question, and between others;
# and the most seconds before the first one.
FIRST = 0.85
NEXT = 0.2
MOST_FIRST = 0.3

# How much more each pause is than the one before.
GROWTH = 1.3

# How much a decision that took longer counts against all before it, and what
# part of the usual time is left by one that was there at the first question:
# nobody knows for how long.
WEIGHT = 0.25
LEFT = 0.75


class Pace:
    """The pace of one backend; threads may share it.

    :ivar usual: seconds from the answer to a request until its decision
    """

    def __init__(self):
        self.usual = SUPPOSED

    def note(self, seconds, questions):
        """Note how long a decision took, as far as it was seen.

        :param seconds: from the answer to the request to the question that
            found it decided
        :param questions: which question that was, 1 for the first
        """
        if questions == 1:
            self.usual = max(self.usual * LEFT, LEAST)
        else:
            # One that met a busy moment says little.
            self.usual += (min(seconds, 2 * self.usual, MOST)
                           - self.usual) * WEIGHT

    def pauses(self):
        """Say how long to wait before each question.

        :returns: iterator of seconds, without end
        """
        yield min(max(self.usual * FIRST, LEAST), MOST_FIRST)
        pause = max(self.usual * NEXT, LEAST)
        while True:
            yield pause
            pause = min(pause * GROWTH, MOST)
