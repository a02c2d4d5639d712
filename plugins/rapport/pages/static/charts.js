// Draws every element with data-plot, in the colours of the page, as wide as its place.
"use strict";
(() => {
  const language = document.documentElement.lang || "en";
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 2 });
  const days = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const drawn = new Map();

  function options(element, plot) {
    const ink = colour("--quiet"), grid = { stroke: colour("--line"), width: 1 };
    const few = plot.x.length < 32;
    const percent = (digits) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits });
    const [said, tick] = plot.percent ? [percent(2), percent(1)] : [numbers, short];
    return {
      width: Math.max(120, element.clientWidth),
      height: element.clientHeight,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: { y: { range: (chart, low, high) => {
        if (low === null) return [0, 1];
        const room = (high - low || Math.abs(high) || 1) * 0.08;
        return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
      } } },
      axes: [
        { stroke: ink, grid, ticks: grid, size: 26, space: 64,
          incrs: [1, 2, 3, 7, 14, 28, 61, 91, 182, 365].map((days) => days * 86400),
          values: (chart, ticks) => ticks.map((tick) => days.format(tick * 1000)) },
        { stroke: ink, grid, ticks: { show: false }, size: 52,
          values: (chart, ticks) => ticks.map((value) => tick.format(value)) },
      ],
      series: [{}, ...plot.series.map((line, number) => ({
        label: line.label, stroke: colour(`--s${number % 6}`), width: 1.6, spanGaps: true,
        points: { show: few, size: 5 },
      }))],
      hooks: { setCursor: [(chart) => {
        const caption = element.parentElement.querySelector("[data-said]");
        if (!caption) return;
        const at = chart.cursor.idx;
        if (at === null || at === undefined) { caption.textContent = caption.dataset.said; return; }
        const values = plot.series
          .filter((line) => line.y[at] !== null)
          .map((line) => (plot.series.length > 1 ? `${line.label} ` : "") + said.format(line.y[at]));
        caption.textContent = `${days.format(plot.x[at] * 1000)}: ${values.join(", ") || "–"}`;
      }] },
    };
  }

  function draw(element) {
    const plot = JSON.parse(element.dataset.plot);
    drawn.get(element)?.destroy();
    drawn.set(element, new uPlot(options(element, plot), [plot.x, ...plot.series.map((line) => line.y)], element));
  }

  const all = [...document.querySelectorAll("[data-plot]")];
  all.forEach(draw);
  const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    const chart = drawn.get(target);
    if (chart && Math.abs(chart.width - target.clientWidth) > 1) {
      chart.setSize({ width: Math.max(120, target.clientWidth), height: target.clientHeight });
    }
  }));
  all.forEach((element) => sizes.observe(element));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all.forEach(draw));
  document.documentElement.dataset.charts = String(all.length);
})();
