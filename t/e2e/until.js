'use strict';

// Waits until a condition holds and returns what it returned.

async function until(condition, what, seconds = 60) {
    const deadline = Date.now() + seconds * 1000;

    for ( ;; ) {
        const value = await condition();

        if (value) {
            return value;
        }

        if (Date.now() > deadline) {
            throw new Error(`waited ${seconds} seconds for ${what}`);
        }

        await new Promise((resolve) => setTimeout(resolve, 30));
    }
}


module.exports = { until };
