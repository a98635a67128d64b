"""How long the turns of Krita's event loop take."""

import os
import sys
import threading
import time

from help import QTimer, shown


class Pauses:
    """The time between two turns of Krita's event loop.

    Measured by a timer that wants to fire all the time. Beside the time on the clock stands the
    time for which the main thread itself was computing: on a busy machine the clock also counts
    what other processes took; and the line of Python in which it was seen meanwhile, if Python it
    was.
    """

    def __init__(self):
        self.gaps, self.last, self.busy = [], time.perf_counter(), time.thread_time()
        self.seen, self.watching = "", True
        threading.Thread(target=self.watch, args=(threading.get_ident(),), daemon=True).start()
        self.timer = QTimer()
        self.timer.setInterval(0)
        self.timer.timeout.connect(self.tick)
        self.timer.start()

    def tick(self):
        now, busy = time.perf_counter(), time.thread_time()
        if now - self.last > 0.01:
            gap, computing = round((now - self.last) * 1000, 1), round((busy - self.busy) * 1000, 1)
            self.gaps.append((gap, computing, shown("limn_stage"), self.seen))
        self.last, self.busy, self.seen = now, busy, ""

    def watch(self, main):
        while self.watching:
            time.sleep(0.01)
            if time.perf_counter() - self.last > 0.02:
                frame = sys._current_frames().get(main)
                self.seen = (
                    f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
                    if frame
                    else "no Python"
                )

    def stop(self):
        self.timer.stop()
        self.watching = False
        gaps = sorted(self.gaps, reverse=True)
        return {
            "worst ms": gaps[0][0] if gaps else 0.0,
            "worst computing ms": max((gap[1] for gap in gaps), default=0.0),
            "above 50 ms": sum(gap[0] > 50 for gap in gaps),
            "longest: clock ms, computing ms, stage, line": gaps[:8],
        }
