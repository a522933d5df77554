# graph.awk - a picture of lines with tabs, after svg.awk
#
#   PROCESS, DESCRIPTOR, OBJECT, r or w or rw    tables of descriptors, with arrows from and to what they refer to
#   WHO, WHOM                                    who waits for whom, in a circle (circle=1)

BEGIN { FS = "\t"; ROW = 24; BOX = 130; GAP = 150 }

circle { who[++n] = $1; whom[$1] = $2; next }
!($1 in rows) { process[++processes] = $1 }
!($3 in seen) { seen[$3] = ++objects; object[objects] = $3 }
{ rows[$1]++; from[++n] = $1; fd[n] = $2; to[n] = $3; way[n] = $4 }

function arrow(x, y, x2, y2) { printf "<path class=\"arrow\" d=\"M%.0f %.0fL%.0f %.0f\"/>\n", x, y, x2, y2 }

function box(x, y, w, h) { printf "<rect class=\"box\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\" rx=\"4\"/>\n", x, y, w, h }

function words(class, x, y, text) { printf "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\">%s</text>\n", class, x, y, escape(text) }

function print_tables(    i, k, h, y, wide, line) {
    for (k = 1; k <= objects; k++) if (length(object[k]) > wide) wide = length(object[k])
    wide = wide * 7.3 + 20
    for (k = 1; k <= processes; k++) { top[process[k]] = h + 10; h += (rows[process[k]] + 1) * ROW + 20 }
    if (h < objects * 2 * ROW) h = objects * 2 * ROW
    svg_head(10 + BOX + GAP + wide + 10, h)
    for (k = 1; k <= objects; k++) {
        middle[object[k]] = h * (k - 0.5) / objects
        box(10 + BOX + GAP, middle[object[k]] - 14, wide, 28)
        words("middle", 10 + BOX + GAP + wide / 2, middle[object[k]] + 4, object[k])
    }
    for (k = 1; k <= processes; k++) {
        box(10, top[process[k]], BOX, (rows[process[k]] + 1) * ROW)
        words("name", 18, top[process[k]] + 16, process[k])
    }
    for (i = 1; i <= n; i++) {
        y = top[from[i]] + ++line[from[i]] * ROW
        printf "<path class=\"life\" d=\"M10 %dH%d\"/>\n", y, 10 + BOX
        words("", 18, y + 16, fd[i])
        if (way[i] ~ /w/) arrow(10 + BOX, y + 10, 10 + BOX + GAP, middle[to[i]] - 6)
        if (way[i] ~ /r/) arrow(10 + BOX + GAP, middle[to[i]] + 6, 10 + BOX, y + 14)
    }
}

function print_circle(    i, k, a, radius, half, dx, dy, far) {
    radius = 130; half = 60
    svg_head(2 * (radius + half + 10), 2 * radius + 60)
    for (i = 1; i <= n; i++) {
        a = (i - 1) * 8 * atan2(1, 1) / n - 2 * atan2(1, 1)
        x[who[i]] = radius + half + 10 + radius * cos(a); y[who[i]] = radius + 30 + radius * sin(a)
    }
    for (i = 1; i <= n; i++) { # from edge to edge
        k = whom[who[i]]; dx = x[k] - x[who[i]]; dy = y[k] - y[who[i]]
        far = sqrt(dx * dx + dy * dy)
        dx /= far; dy /= far
        a = abs(dx) * 18 > abs(dy) * (half + 2) ? (half + 2) / abs(dx) : 18 / abs(dy)
        arrow(x[who[i]] + dx * a, y[who[i]] + dy * a, x[k] - dx * a, y[k] - dy * a)
    }
    for (i = 1; i <= n; i++) {
        box(x[who[i]] - half, y[who[i]] - 16, 2 * half, 32)
        words("middle", x[who[i]], y[who[i]] + 4, who[i])
    }
    words("middle", radius + half + 10, radius + 24, "each arrow:")
    words("middle", radius + half + 10, radius + 40, "waits for")
}

function abs(v) { return v < 0 ? -v : v }

END {
    if (circle) print_circle(); else print_tables()
    print "</svg>"
}
