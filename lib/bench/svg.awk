# svg.awk - draws what lib/bench/bench.c has measured: awk -f svg.awk bench.tsv >bench.svg
#
# Four panels: latency and throughput over the size of a message, both processes on one CPU and on two; below them,
# what it costs to wake a process without any data. All scales are logarithmic.
BEGIN {
    FS = "\t"
    split("#d62728 #ff7f0e #bcbd22 #2ca02c #17becf #1f77b4 #9467bd #8c564b #e377c2 #7f7f7f #000000 #aec7e8 #98df8a", colours, " ")
    left = 60; top = 60; width = 430; height = 330; gap = 150; down = 90
    smallest_size = 1; largest_size = 65536
}

FNR == 1 { next }

{
    name = $1 == $2 ? $1 : $1 " " $2
    panel = $3 == "latency" ? ($4 == "same" ? 1 : 2) : ($4 == "same" ? 3 : 4)
    if ($4 == "free") next
    if ($5 == 0) {
        if ($3 == "latency") wake[name, $4] = $8
        if ($3 == "latency" && !(name in woken)) { woken[name] = ++wakers; waker[wakers] = name }
        next
    }
    if (!(name in colour)) colour[name] = colours[++series % 13 + 1]
    value = $3 == "latency" ? $8 : $13
    if (value <= 0) next # too small for the digits that it is told with
    if ($5 > largest_size) largest_size = $5
    n = ++points[panel, name]
    size[panel, name, n] = $5
    figure[panel, name, n] = value
    names[name]
    kind = panel <= 2 ? 1 : 2
    if (!(kind in low) || value < low[kind]) low[kind] = value
    if (value > high[kind]) high[kind] = value
}

function log10(x) { return log(x) / log(10) }
function x_of(s) { return x0 + width * (log10(s) - log10(smallest_size)) / (log10(largest_size) - log10(smallest_size)) }
function y_of(v) { return y0 + height - height * (log10(v) - bottom) / (ceiling - bottom) }
function unit(ns) { return ns < 1000 ? ns " ns" : ns < 1e6 ? ns / 1e3 " µs" : ns / 1e6 " ms" }
function amount(mb) { return mb < 1 ? mb * 1e3 " kB/s" : mb < 1e3 ? mb " MB/s" : mb / 1e3 " GB/s" }

function frame(title, kind,    power, s) {
    printf "<text x='%d' y='%d' class='title'>%s</text>\n", x0, y0 - 12, title
    printf "<rect x='%d' y='%d' width='%d' height='%d' class='frame'/>\n", x0, y0, width, height
    bottom = floor(log10(low[kind])); ceiling = floor(log10(high[kind])) + 1
    for (power = bottom; power <= ceiling; power++) {
        printf "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' class='grid'/>\n", x0, x0 + width, y_of(10 ^ power), y_of(10 ^ power)
        printf "<text x='%d' y='%.1f' class='left'>%s</text>\n", x0 - 6, y_of(10 ^ power) + 4, kind == 1 ? unit(10 ^ power) : amount(10 ^ power)
    }
    for (s = 1; s <= largest_size; s *= 16) {
        printf "<line x1='%.1f' x2='%.1f' y1='%d' y2='%d' class='grid'/>\n", x_of(s), x_of(s), y0, y0 + height
        printf "<text x='%.1f' y='%d' class='middle'>%s</text>\n", x_of(s), y0 + height + 16, s < 1024 ? s " B" : s / 1024 " KiB"
    }
}

function floor(x,    whole) { whole = int(x); return whole > x ? whole - 1 : whole }

# Lines, and their names at the right, moved apart where they would overlap.
function draw(panel,    name, i, path, count, label, place, j, held, y) {
    count = 0
    for (name in names) {
        if (!((panel, name) in points)) continue
        path = ""
        for (i = 1; i <= points[panel, name]; i++) {
            path = path (i == 1 ? "M" : " L") sprintf("%.1f %.1f", x_of(size[panel, name, i]), y_of(figure[panel, name, i]))
            printf "<circle cx='%.1f' cy='%.1f' r='2.5' fill='%s'/>\n", x_of(size[panel, name, i]), y_of(figure[panel, name, i]), colour[name]
        }
        printf "<path d='%s' fill='none' stroke='%s' stroke-width='1.6'/>\n", path, colour[name]
        label[++count] = name
        place[count] = y_of(figure[panel, name, points[panel, name]])
    }
    for (i = 2; i <= count; i++)
        for (j = i; j > 1 && place[j] < place[j - 1]; j--) {
            held = place[j]; place[j] = place[j - 1]; place[j - 1] = held
            held = label[j]; label[j] = label[j - 1]; label[j - 1] = held
        }
    y = y0
    for (i = 1; i <= count; i++) {
        name = label[i]
        if (place[i] > y) y = place[i]
        if (y > y0 + height - 13 * (count - i)) y = y0 + height - 13 * (count - i)
        printf "<line x1='%.1f' y1='%.1f' x2='%d' y2='%.1f' stroke='%s' stroke-width='0.6'/>\n", x_of(size[panel, name, points[panel, name]]), place[i], x0 + width + 8, y, colour[name]
        printf "<text x='%d' y='%.1f' fill='%s'>%s</text>\n", x0 + width + 11, y + 4, colour[name], name
        y += 13
    }
}

function bars(    i, name, y, scale) {
    printf "<text x='%d' y='%d' class='title'>To wake a process, without data: one way, both on one CPU (dark) and on two (light)</text>\n", left, y0 - 12
    scale = 0
    for (i in wake) if (wake[i] > scale) scale = wake[i]
    for (i = 1; i <= wakers; i++) {
        name = waker[i]
        y = y0 + (i - 1) * 30
        printf "<text x='%d' y='%d' class='left'>%s</text>\n", left + 90, y + 15, name
        printf "<rect x='%d' y='%d' width='%.1f' height='10' fill='#1f77b4'/>\n", left + 100, y, 700 * wake[name, "same"] / scale
        printf "<text x='%.1f' y='%d'>%s</text>\n", left + 106 + 700 * wake[name, "same"] / scale, y + 9, unit(wake[name, "same"])
        if (!((name, "diff") in wake)) continue
        printf "<rect x='%d' y='%d' width='%.1f' height='10' fill='#aec7e8'/>\n", left + 100, y + 11, 700 * wake[name, "diff"] / scale
        printf "<text x='%.1f' y='%d'>%s</text>\n", left + 106 + 700 * wake[name, "diff"] / scale, y + 20, unit(wake[name, "diff"])
    }
}

END {
    if (!series && !wakers) { print "svg.awk: no figures" >"/dev/stderr"; exit 1 }
    total_height = top + 2 * (height + down) + wakers * 30 + 40
    printf "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' font-family='sans-serif' font-size='11'>\n", left + 2 * (width + gap) + 20, total_height
    print "<style>.title{font-size:14px;font-weight:bold}.frame{fill:none;stroke:#444}.grid{stroke:#ddd}.left{text-anchor:end}.middle{text-anchor:middle}</style>"
    print "<rect width='100%' height='100%' fill='white'/>"
    x0 = left; y0 = top
    frame("Latency, one way (median), both on one CPU", 1); draw(1)
    x0 = left + width + gap
    frame("Latency, one way (median), on two CPUs", 1); draw(2)
    x0 = left; y0 = top + height + down
    frame("Throughput, both on one CPU", 2); draw(3)
    x0 = left + width + gap
    frame("Throughput, on two CPUs", 2); draw(4)
    y0 = top + 2 * (height + down)
    bars()
    print "</svg>"
}
