// The official time on the page goes on by the server's clock, never the browser's. Without this script the page shows the
// time at which it was made.
"use strict";
(() => {
    const clock = document.getElementById("clock");
    if (!clock) return;
    const ASKED_EVERY = 60000;
    let known = null;

    const ask = async () => {
        try {
            const before = performance.now();
            const answer = await fetch(clock.dataset.time, { cache: "no-store" });
            if (!answer.ok) return;
            const time = await answer.json();
            const after = performance.now();
            // The answer is half its way old.
            known = { ...time, at: after, milliseconds: time.milliseconds + (after - before) / 2 };
        } catch {
            // Without an answer the clock goes on by the last one.
        }
    };

    const two = (number) => String(number).padStart(2, "0");

    const show = () => {
        if (!known) return;
        const local = new Date(known.milliseconds + known.offset * 60000 + (performance.now() - known.at));
        const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
        const day = local.toISOString().slice(0, 10);
        // The words of another day are made by the server.
        if (clock.dateTime.slice(0, 10) !== day) return location.reload();
        clock.textContent = clock.textContent.replace(/\d\d:\d\d:\d\d/, time);
    };

    ask();
    setInterval(ask, ASKED_EVERY);
    setInterval(show, 1000);
    document.addEventListener("visibilitychange", () => document.hidden || ask());
})();
