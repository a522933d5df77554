# svg.awk - what all pictures have in common: the head, with colours for light and dark pages

function escape(text) { gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text); return text }

function svg_head(w, h) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", w, h, w, h
    print "<style>\n.page { fill: #fff } text { font: 12px monospace; fill: #222; stroke: #fff; stroke-width: 4px; paint-order: stroke }"
    print ".time { fill: #666; text-anchor: end } .name { font-weight: bold } .middle { text-anchor: middle }"
    print ".life { stroke: #999 } .box { fill: #fff; stroke: #777 } .sleep { stroke: #e8a33d; stroke-width: 7 }"
    print ".arrow { stroke: #0057b7; stroke-width: 1.5; marker-end: url(#head) } #head path { fill: #0057b7 }"
    print "@media (prefers-color-scheme: dark) { .page { fill: #111 } text { fill: #ddd; stroke: #111 } .time { fill: #999 }"
    print ".life { stroke: #777 } .box { fill: #111; stroke: #999 } .sleep { stroke: #b8741a }"
    print ".arrow { stroke: #6cb6ff } #head path { fill: #6cb6ff } }\n</style>"
    print "<defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" refX=\"8\" refY=\"4\" orient=\"auto\">" \
        "<path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>"
    printf "<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", w, h
}
