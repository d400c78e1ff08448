"""Nothing that Python does to its objects harms a sound, a program or another process."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import sonset
from sonset._library import lib

RATE = 48000


def run(program: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, **options)


def test_a_sound_plays_on_when_nobody_holds_its_array_any_more(virtual, noise):
    stream, x = virtual(1, 1), noise(RATE // 2)
    expected = x.copy()
    array = weakref.ref(x)
    recording = stream.record(RATE)
    sound = stream.play(x, at_frame=stream.earliest_frame + 2400)
    number = sound.id
    del x, sound
    gc.collect()
    junk = [np.full(RATE // 2, 9.0, np.float32) for _ in range(20)]
    recording.wait(5)
    stream.wait(5)
    first = int(np.flatnonzero(recording.data)[0])
    assert np.array_equal(recording.data[first : first + len(expected)], expected)
    assert len(junk) == 20 and number in [receipt.action for receipt in stream.receipts]
    gc.collect()
    assert array() is None, "the array is let go of when the receipt is there"


def test_closing_twice_and_using_afterwards_is_defined(virtual):
    stream = virtual()
    action = stream.play(np.full(RATE, 0.1))
    action.wait_started(5)
    stream.close()
    stream.close()
    assert stream.closed and action.receipt.outcome == "stream_stopped"
    for call in (lambda: stream.play([0.1]), stream.start, lambda: stream.batch()):
        with pytest.raises(sonset.StreamClosedError):
            call()
    assert stream.info.samplerate == RATE and len(stream.receipts) == 1


def test_leaving_the_block_fades_and_waits_only_if_asked_to():
    began = time.monotonic()
    with sonset.Stream(RATE, device="virtual") as stream:
        action = stream.play(np.full(10 * RATE, 0.1))
        action.wait_started(5)
    assert action.receipt.outcome == "stream_stopped" and time.monotonic() - began < 5
    with sonset.Stream(RATE, device="virtual", wait=True) as stream:
        action = stream.play(np.full(RATE // 10, 0.1))
    assert action.receipt.outcome == "completed"


def test_an_exception_in_the_block_ends_it_at_once():
    with pytest.raises(KeyError), sonset.Stream(RATE, device="virtual", wait=True) as stream:
        action = stream.play(np.full(10 * RATE, 0.1))
        raise KeyError("experiment")
    assert action.receipt.outcome in ("stream_stopped", "cancelled")


def test_a_stream_that_is_stopped_starts_again(virtual):
    stream = virtual()
    stream.play([0.1]).wait(5)
    stream.stop()
    frame = stream.time().frame
    assert not stream.active
    stream.start()
    assert stream.play([0.1]).wait(5).start_frame >= frame


def test_forgetting_to_close_is_safe():
    done = run(
        "import sonset, numpy as np\n"
        "s = sonset.Stream(48000, device='virtual'); s.start()\n"
        "s.play(np.full(480000, .1)).wait_started(5)\n"
        "print('end')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_a_stream_that_is_forgotten_is_closed():
    stream = sonset.Stream(RATE, device="virtual")
    stream.start()
    stream.play(np.full(RATE, 0.1))
    handle, gone = stream._handle, weakref.ref(stream)
    del stream
    gc.collect()
    assert gone() is None
    from sonset._library import lib

    assert lib.sonset_stream_start(handle) == lib.SONSET_ERROR_INVALID_HANDLE


def test_waits_let_other_threads_run_and_have_a_timeout(virtual):
    stream, count, stop = virtual(), [0], threading.Event()

    def work() -> None:
        while not stop.is_set():
            count[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError) as caught:
            stream.play(np.full(10 * RATE, 0.1)).wait(0.2)
    finally:
        stop.set()
        thread.join()
    assert 0.15 < time.monotonic() - began < 2 and count[0] > 1000
    assert caught.value.name == "SONSET_ERROR_TIMEOUT"
    assert "has not ended within 0.2 s: it runs until frame" in str(caught.value)


def test_a_wait_that_fails_names_the_time_asked_for_and_the_cause(manual):
    stream = manual(1)
    action = stream.play([0.1], at_frame=5000)
    with pytest.raises(TimeoutError, match=r"not started within 0.12 s: it is pending until frame 5000; the stream"):
        action.wait_started(0.12)
    with pytest.raises(TimeoutError, match=r"has not ended within 0.1 s: it is pending until frame 5000"):
        stream.wait(0.1)
    with stream.batch() as batch, pytest.raises(TimeoutError, match=f"it is in batch {batch.id}, which is not"):
        stream.play([0.1]).wait(0)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_waits_obey_ctrl_c(virtual):
    action = virtual().play(np.full(20 * RATE, 0.1))
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        action.wait()
    assert time.monotonic() - began < 2


def test_actions_are_awaited_together(virtual):
    stream = virtual()

    async def trial() -> list:
        first, second = stream.play(np.full(4800, 0.1)), stream.play(np.full(2400, 0.1))
        ticks = 0
        waiting = asyncio.gather(first, second)
        while not waiting.done():
            ticks += 1
            await asyncio.sleep(0.005)
        assert ticks > 3
        return await waiting

    assert [receipt.done_frames for receipt in asyncio.run(trial())] == [4800, 2400]


def test_a_receipt_that_another_thread_takes_at_once_leaves_nothing_behind(virtual):
    stream = virtual()
    sound = sonset.Buffer(np.full(32, 1e-4))

    def play_and_lose_the_race(*arguments):
        code = lib.sonset_stream_play_buffer(*arguments)
        number = arguments[-1][0]
        deadline = time.monotonic() + 10
        while not any(receipt.action == number for receipt in stream.receipts):
            assert time.monotonic() < deadline
            taker = threading.Thread(target=stream._collect)
            taker.start()
            taker.join()
        return code

    action = stream._play(play_and_lose_the_race, sound._handle, None, None, {}, sound)
    assert action.wait(5).outcome == "completed"
    assert not stream._alive
    assert not stream._early


def test_threads_share_a_stream(virtual):
    stream, failures = virtual(max_actions=4096), []
    sound = sonset.Buffer(np.full(32, 1e-4))

    def work(tag: int) -> None:
        try:
            for k in range(200):
                if k % 10 == 0:
                    with stream.batch():
                        last = stream.play(sound, tag=tag)
                else:
                    last = stream.play(sound, tag=tag)
            last.wait(10)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(tag,)) for tag in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.wait(10)
    stream.stop()
    assert not failures
    assert sorted(receipt.tag for receipt in stream.receipts) == sorted([1, 2, 3, 4] * 200)
    assert not stream._alive


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_cannot_use_its_parents_stream_and_can_open_its_own():
    done = run(
        "import os, sonset, numpy as np, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "s = sonset.Stream(48000, device='virtual'); s.start()\n"
        "a = s.play(np.full(48000, .1)); a.wait_started(5)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    try: s.play([.1])\n"
        "    except sonset.ForkError as e: print('refused:', 'spawn' in str(e), flush=True)\n"
        "    with sonset.Stream(48000, device='virtual') as t: print(t.play([.1]).wait(5).outcome, flush=True)\n"
        "    raise SystemExit\n"
        "os.waitpid(pid, 0)\n"
        "print(a.wait(5).outcome)"
    )
    assert (done.stdout.split("\n"), done.returncode) == (["refused: True", "completed", "completed", ""], 0), (
        done.stderr
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_multiprocessing_with_fork_raises_for_all_that_the_parent_made():
    done = run(
        "import multiprocessing, os, time, warnings, numpy as np, sonset\n"
        "warnings.simplefilter('ignore')\n"
        "s = sonset.Stream(48000, device='virtual'); s.start()\n"
        "b, r, a = sonset.Buffer([.1]), sonset.RingBuffer(100), s.play(np.full(48000, .1))\n"
        "parent = os.getpid()\n"
        "def work(answers):\n"
        "    began = time.monotonic()\n"
        "    for use in (lambda: s.play([.1]), lambda: s.info, lambda: s.earliest_frame, lambda: a.wait(9), s.stop,\n"
        "                s.close, b.read, lambda: b.peak, lambda: r.write([.1]), lambda: r.info):\n"
        "        try: answers.put(('worked', use()))\n"
        "        except sonset.ForkError as e:\n"
        "            answers.put(f'opened by process {parent},' in str(e) and 'spawn' in str(e))\n"
        "        except Exception as e: answers.put(repr(e))\n"
        "    answers.put(time.monotonic() - began < 1)\n"
        "context = multiprocessing.get_context('fork')\n"
        "answers = context.Queue()\n"
        "p = context.Process(target=work, args=(answers,)); p.start()\n"
        "print([answers.get(timeout=20) for _ in range(11)])\n"
        "p.join(20); print(p.exitcode, a.wait(5).outcome)"
    )
    assert done.stdout.split("\n") == [str([True] * 11), "0 completed", ""], done.stderr


def _child(buffer, receipt, answers) -> None:
    with sonset.Stream(RATE, device="virtual") as stream:
        answers.put((stream.play(buffer).wait(5).done_frames, receipt.tag))


def test_spawned_processes_get_buffers_and_receipts(virtual):
    stream = virtual()
    receipt = stream.play([0.1], tag=9).wait(5)
    assert pickle.loads(pickle.dumps(receipt)) == receipt
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_child, args=(sonset.Buffer(np.full(77, 0.1)), receipt, answers))
    process.start()
    assert answers.get(timeout=30) == (77, 9)
    process.join(30)
    with pytest.raises(TypeError, match="open one in each process"):
        pickle.dumps(stream)


def test_importing_opens_no_device_and_starts_no_thread():
    done = run(
        "import threading, sys, os\n"
        "before = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 1\n"
        "import numpy\n"
        "numpy_threads = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 1\n"
        "import sonset\n"
        "now = len(os.listdir('/proc/self/task')) if os.path.exists('/proc') else 1\n"
        "maps = open('/proc/self/maps').read() if os.path.exists('/proc') else ''\n"
        "print(now - numpy_threads, 'libasound' in maps, 'libjack' in maps, 'devices' in maps)\n"
        "print('matplotlib' in sys.modules)"
    )
    assert done.stdout.split() == ["0", "False", "False", "False", "False"], done.stderr
