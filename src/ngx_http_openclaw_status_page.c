
/*
 * Copyright (C) the authors of the OpenClaw module
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_openclaw_stats.h>
#include <ngx_http_openclaw_status.h>


static void ngx_http_openclaw_status_page_numbers(
    ngx_http_openclaw_status_t *st);
static void ngx_http_openclaw_status_page_zone(
    ngx_http_openclaw_status_t *st);
static void ngx_http_openclaw_status_page_metric(
    ngx_http_openclaw_status_t *st, ngx_openclaw_stats_metric_t *m);
static void ngx_http_openclaw_status_page_row(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_metric_t *m, ngx_str_t *word, ngx_uint_t first,
    ngx_uint_t n);
static ngx_atomic_uint_t ngx_http_openclaw_status_page_sum(
    ngx_http_openclaw_status_t *st, ngx_openclaw_stats_worker_t *worker,
    ngx_openclaw_stats_metric_t *m, ngx_uint_t first, ngx_uint_t n);
static void ngx_http_openclaw_status_page_times(
    ngx_http_openclaw_status_t *st);
static void ngx_http_openclaw_status_page_time(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m);
static ngx_str_t *ngx_http_openclaw_status_page_part(
    ngx_openclaw_stats_histogram_t *h, ngx_uint_t percent);


/* nothing but what is in the page; the digests are those of the texts below */

ngx_str_t  ngx_http_openclaw_status_policy = ngx_string(
    "default-src 'none'; connect-src 'self'; "
    "style-src 'sha256-kBW7NsgDezsRWQ9SXoUKIfcRAW4FIOBbFviAuFhp3p0='; "
    "script-src 'sha256-erVyXt35DRQtuNhwknE+GKWwWWL5ldyK2MpZwtLoP2w='; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");


static ngx_str_t  ngx_http_openclaw_status_page_style = ngx_string(
    "\n"
    ":root { color-scheme: light dark }\n"
    "body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5em }\n"
    "h1 { font-size: 1.3em }\n"
    "table { border-collapse: collapse; margin: 0 0 1.5em }\n"
    "caption { text-align: left; font-weight: bold; padding: .3em 0 }\n"
    "th, td { padding: .15em .8em .15em 0; border-bottom: 1px solid #8884 }\n"
    "th { text-align: left; font-weight: normal }\n"
    "td, thead th + th { text-align: right }\n"
    "td { font-variant-numeric: tabular-nums }\n"
    "th.part { padding-left: 1.5em }\n"
    "p { color: GrayText }\n"
);


/* the numbers come anew with the page itself; what is added are the rates */

static ngx_str_t  ngx_http_openclaw_status_page_script = ngx_string(
    "\n"
    "(function () {\n"
    "    var old = {}, then = 0;\n"
    "\n"
    "    function rates() {\n"
    "        var now = performance.now();\n"
    "        var rows = document.querySelectorAll('tr[data-n]');\n"
    "\n"
    "        rows.forEach(function (row) {\n"
    "            var n = +row.dataset.n;\n"
    "\n"
    "            if (row.id in old) {\n"
    "                var rate = (n - old[row.id]) * 1000 / (now - then);\n"
    "\n"
    "                row.cells[2].textContent = rate.toFixed(1);\n"
    "            }\n"
    "\n"
    "            old[row.id] = n;\n"
    "        });\n"
    "\n"
    "        then = now;\n"
    "    }\n"
    "\n"
    "    function say(text) {\n"
    "        document.getElementById('said').textContent = text;\n"
    "    }\n"
    "\n"
    "    function show(text) {\n"
    "        var page = new DOMParser().parseFromString(text, 'text/html');\n"
    "\n"
    "        document.querySelector('main').replaceWith(\n"
    "            page.querySelector('main'));\n"
    "        rates();\n"
    "        say('');\n"
    "    }\n"
    "\n"
    "    function refresh() {\n"
    "        fetch(location.href).then(function (answer) {\n"
    "            if (!answer.ok) {\n"
    "                throw new Error('HTTP ' + answer.status);\n"
    "            }\n"
    "\n"
    "            return answer.text();\n"
    "\n"
    "        }).then(show).catch(function (e) {\n"
    "            say('These numbers are old: ' + e.message);\n"
    "\n"
    "        }).then(function () {\n"
    "            setTimeout(refresh, 2000);\n"
    "        });\n"
    "    }\n"
    "\n"
    "    rates();\n"
    "    setTimeout(refresh, 2000);\n"
    "})();\n"
);



void
ngx_http_openclaw_status_page(ngx_http_openclaw_status_t *st)
{
    ngx_http_openclaw_status_print(st,
        "<!DOCTYPE html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>OpenClaw status</title>\n"
        "<style>");
    ngx_http_openclaw_status_text(st, &ngx_http_openclaw_status_page_style);
    ngx_http_openclaw_status_print(st,
        "</style>\n"
        "</head>\n"
        "<body>\n"
        "<h1>OpenClaw status</h1>\n"
        "<p role=\"status\" id=\"said\"></p>\n"
        "<main>\n");

    ngx_http_openclaw_status_page_numbers(st);
    ngx_http_openclaw_status_page_times(st);
    ngx_http_openclaw_status_page_zone(st);

    ngx_http_openclaw_status_print(st,
        "</main>\n"
        "<script>");
    ngx_http_openclaw_status_text(st, &ngx_http_openclaw_status_page_script);
    ngx_http_openclaw_status_print(st,
        "</script>\n"
        "</body>\n"
        "</html>\n");
}


static void
ngx_http_openclaw_status_page_numbers(ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                    i;
    ngx_openclaw_stats_metric_t  *m;

    ngx_http_openclaw_status_print(st,
        "<table>\n"
        "<caption>Numbers</caption>\n"
        "<thead><tr><th></th><th>all</th><th>a second</th>");

    for (i = 0; i < st->view.nworkers; i++) {
        ngx_http_openclaw_status_print(st, "<th>worker %ui</th>",
                                       st->view.workers[i].number);
    }

    ngx_http_openclaw_status_print(st, "</tr></thead>\n<tbody>\n");

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        if (m->type == NGX_OPENCLAW_STATS_COUNTER
            || m->type == NGX_OPENCLAW_STATS_GAUGE)
        {
            ngx_http_openclaw_status_page_metric(st, m);
        }
    }

    ngx_http_openclaw_status_print(st, "</tbody>\n</table>\n");
}


static void
ngx_http_openclaw_status_page_zone(ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                    i;
    ngx_atomic_t                 *numbers;
    ngx_openclaw_stats_metric_t  *m;

    ngx_http_openclaw_status_print(st,
        "<table>\n"
        "<caption>Shared memory</caption>\n"
        "<tbody>\n");

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        if (m->type != NGX_OPENCLAW_STATS_ZONE) {
            continue;
        }

        numbers = ngx_http_openclaw_status_numbers(st, NULL, m);

        for (i = 0; i < m->n; i++) {
            ngx_http_openclaw_status_print(st,
                "<tr><th title=\"%V\">%V%s%V</th><td>%uA</td></tr>\n",
                &m->help, &m->name, m->word ? " " : "",
                m->word ? m->word(i) : &m->label, numbers[i]);
        }
    }

    ngx_http_openclaw_status_print(st, "</tbody>\n</table>\n");
}


/* the sum, and what it is made of as far as that is there */

static void
ngx_http_openclaw_status_page_metric(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_metric_t *m)
{
    ngx_str_t   *word;
    ngx_uint_t   i;

    ngx_http_openclaw_status_page_row(st, m, NULL, 0, m->n);

    if (m->word == NULL) {
        return;
    }

    for (i = 0; i < m->n; i++) {
        word = m->word(i);

        if (word
            && ngx_http_openclaw_status_page_sum(st, &st->all, m, i, 1) != 0)
        {
            ngx_http_openclaw_status_page_row(st, m, word, i, 1);
        }
    }
}


static void
ngx_http_openclaw_status_page_row(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_metric_t *m, ngx_str_t *word, ngx_uint_t first,
    ngx_uint_t n)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  sum;

    sum = ngx_http_openclaw_status_page_sum(st, &st->all, m, first, n);

    ngx_http_openclaw_status_print(st, "<tr id=\"%V", &m->name);

    if (word) {
        ngx_http_openclaw_status_print(st, "-%V", word);
    }

    ngx_http_openclaw_status_print(st, "\"");

    if (m->type == NGX_OPENCLAW_STATS_COUNTER) {
        ngx_http_openclaw_status_print(st, " data-n=\"%uA\"", sum);
    }

    if (word) {
        ngx_http_openclaw_status_print(st, "><th class=\"part\">%V", word);

    } else {
        ngx_http_openclaw_status_print(st, "><th title=\"%V\">%V", &m->help,
                                       &m->name);
    }

    ngx_http_openclaw_status_print(st, "</th><td>%uA</td><td></td>", sum);

    for (i = 0; i < st->view.nworkers; i++) {
        ngx_http_openclaw_status_print(st, "<td>%uA</td>",
                    ngx_http_openclaw_status_page_sum(st, &st->view.workers[i],
                                                      m, first, n));
    }

    ngx_http_openclaw_status_print(st, "</tr>\n");
}


static ngx_atomic_uint_t
ngx_http_openclaw_status_page_sum(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m,
    ngx_uint_t first, ngx_uint_t n)
{
    ngx_uint_t          i;
    ngx_atomic_t       *numbers;
    ngx_atomic_uint_t   sum;

    numbers = ngx_http_openclaw_status_numbers(st, worker, m);
    sum = 0;

    for (i = first; i < first + n; i++) {
        sum += numbers[i];
    }

    return sum;
}


static void
ngx_http_openclaw_status_page_times(ngx_http_openclaw_status_t *st)
{
    ngx_uint_t                    i;
    ngx_openclaw_stats_metric_t  *m;

    ngx_http_openclaw_status_print(st,
        "<table>\n"
        "<caption>Times in seconds</caption>\n"
        "<thead><tr><th></th><th>number</th><th>mean</th><th>half within</th>"
        "<th>95&#8239;%% within</th><th>99&#8239;%% within</th></tr></thead>\n"
        "<tbody>\n");

    for (m = ngx_openclaw_stats_table; m->name.len; m++) {

        if (m->type != NGX_OPENCLAW_STATS_HISTOGRAM) {
            continue;
        }

        ngx_http_openclaw_status_page_time(st, &st->all, m);

        for (i = 0; i < st->view.nworkers; i++) {
            ngx_http_openclaw_status_page_time(st, &st->view.workers[i], m);
        }
    }

    ngx_http_openclaw_status_print(st, "</tbody>\n</table>\n");
}


static void
ngx_http_openclaw_status_page_time(ngx_http_openclaw_status_t *st,
    ngx_openclaw_stats_worker_t *worker, ngx_openclaw_stats_metric_t *m)
{
    ngx_atomic_uint_t                n, mean;
    ngx_openclaw_stats_histogram_t  *h;

    h = (ngx_openclaw_stats_histogram_t *)
                           ngx_http_openclaw_status_numbers(st, worker, m);

    n = ngx_http_openclaw_status_count(h);
    mean = n ? h->msec / n : 0;

    if (worker == &st->all) {
        ngx_http_openclaw_status_print(st, "<tr><th title=\"%V\">%V",
                                       &m->help, &m->name);

    } else {
        ngx_http_openclaw_status_print(st, "<tr><th class=\"part\">worker %ui",
                                       worker->number);
    }

    ngx_http_openclaw_status_print(st,
        "</th><td>%uA</td><td>%uA.%03uA</td>"
        "<td>%V</td><td>%V</td><td>%V</td></tr>\n",
        n, mean / 1000, mean % 1000,
        ngx_http_openclaw_status_page_part(h, 50),
        ngx_http_openclaw_status_page_part(h, 95),
        ngx_http_openclaw_status_page_part(h, 99));
}


/* the bound that so many of the times were within */

static ngx_str_t *
ngx_http_openclaw_status_page_part(ngx_openclaw_stats_histogram_t *h,
    ngx_uint_t percent)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  n, all, wanted;

    static ngx_str_t   none = ngx_string("-");

    all = ngx_http_openclaw_status_count(h);

    if (all == 0) {
        return &none;
    }

    wanted = all - all / 100 * (100 - percent)
             - all % 100 * (100 - percent) / 100;
    n = 0;

    for (i = 0; i < NGX_OPENCLAW_STATS_BUCKETS - 1; i++) {
        n += h->buckets[i];

        if (n >= wanted) {
            break;
        }
    }

    return &ngx_openclaw_stats_bounds[i].name;
}
