"""The words that speak of how a picture is made, not of what is in it; each line is part of a pattern."""

from __future__ import annotations


def any_of(*words: str) -> str:
    """A pattern for one of the words, longer ones first; a space stands for spaces or a hyphen."""
    parts = sorted((word for line in words for word in line.split(" | ")), key=len, reverse=True)
    return "(?:" + "|".join(part.replace(" ", r"[\s-]+") for part in parts) + ")"


# What a picture can be as a thing. "portrait", "view", "statue" are content: they say what is shown.
MEDIUM = any_of(
    "photo | photos | photograph | photographs | photography | picture | pictures | image | images",
    "snapshot | painting | paintings | drawing | drawings | sketch | sketches | illustration",
    "illustrations | doodle | watercolou?r | watercolou?rs | gouache | aquarelle | fresco | mural",
    "mosaic | collage | caricature | print | prints | woodcut | linocut | etching | engraving",
    "lithograph | woodblock print | screenprint | artwork | artworks | art work | piece of art",
    "work of art | art | art print | depiction | rendering | render | cartoon | cartoons | comic",
    "comic strip | manga | anime | clipart | clip art | vector | vector graphic | poster | posters",
    "wallpaper | graphic | 3d model | scroll painting",
)

# Words before a medium. Some are content elsewhere ("an oil lamp", "a pencil"), so alone they stay.
MATERIAL = any_of(
    "oil | oils | acrylic | acrylics | watercolou?r | gouache | tempera | pencil | colou?red pencil",
    "graphite | ink | ink wash | pen | pen and ink | charcoal | chalk | pastel | pastels | crayon",
    "sumi e | line | pixel | vector | digital | 3d | 2d | cgi | mixed media | gold leaf | spray paint",
    "airbrush | hand drawn | hand painted | canvas",
)
LOOK = any_of(
    "black and white | black & white | b&w | bw | sepia | sepia toned | monochrome | monochromatic",
    "grayscale | greyscale | vintage | retro | antique | abstract | modern | contemporary | classical",
    "traditional | realistic | surreal | minimalist | minimalistic | minimal | psychedelic | vaporwave",
    "stylised | stylized | cinematic | renaissance | baroque | rococo | medieval | gothic | art nouveau",
    "art deco | victorian | naive | chinese | japanese | indian | persian | mughal | byzantine",
    "cartoonish | whimsical | graffiti | comic book | disney | pixar | ghibli | studio ghibli",
    "stained glass | paper cut | papercut | origami | claymation | hdr | hd | long exposure",
    "double exposure | polaroid | fine art | digital art | (?:1[4-9]|20)th century",
)
# Words that are style only there.
BESIDE = any_of(
    "pop | concept | fan | fantasy | street | wall | movie | analog | film | 35mm | macro | studio",
    "stock | folk | flat | travel | wedding | family | beautiful | famous | amazing | stunning | detailed",
    "highly detailed | large | small | old | simple | rough | lovely | colou?rful | cute | quick | framed",
    "unfinished | professional | rare | original | great | nice | color | colour | full | free",
    "royalty free | blurry | high quality | high resolution | close up",
)

# Words that are style wherever they stand.
MOVEMENT = any_of(
    "(?:post |neo )?impressionism | (?:post |neo )?impressionist | (?:post |neo )?impressionistic",
    "(?:abstract |neo )?expressionism | (?:abstract |neo )?expressionist | expressionistic | cubism",
    "cubist | surrealism | surrealist | surrealistic | fauvism | fauvist | pointillism | pointillist",
    "dadaism | dadaist | suprematism | suprematist | constructivism | romanticism | mannerism | vorticism",
    r"divisionism | tachisme | hyper[\s-]?realism | hyper[\s-]?realistic | hyper[\s-]?realist",
    r"photo[\s-]?realism | photo[\s-]?realistic | social realism | magic realism | realism | ukiyo e",
    "chiaroscuro | sfumato | impasto | grisaille | op art | pop art | digital art | concept art",
    "pixel art | line art | vector art | fan art | comic art | low poly | cel shaded",
    "synthwave",
)
TAG = any_of(
    "(?:trending|featured) on (?:artstation|deviantart|pixiv|behance|instagram|cgsociety)",
    r"artstation(?: hq)? | deviantart | cgsociety | octane render | unreal engine(?: \d)? | blender render",
    "v ray | ray tracing | (?:highly|ultra|extremely|insanely|intricately|hyper) detailed | hyperdetailed",
    "masterpiece | best quality | award winning | cinematic lighting | volumetric lighting | royalty free",
    "stock photo | stock image | stock illustration | stock vector | vector illustration",
    "photorealistic render | 3d render | 3d rendering",
)
RESOLUTION = any_of(
    "4k | 8k | 16k | uhd | hd | full hd | hdr | high resolution | hi res",
)
SUPPORT = any_of(
    "canvas | paper | panel | wood | wood panel | board | linen | silk | copper | cardboard",
)

# Surnames that are nothing else; of the others the full name.
ARTIST = any_of(
    "(?:vincent )?van gogh | (?:claude )?monet | (?:[eé]douard )?manet | (?:edgar )?degas",
    "(?:pablo )?picasso | (?:paul )?c[eé]zanne | (?:paul )?gauguin | (?:pierre auguste |auguste )?renoir",
    "(?:henri )?matisse | (?:georges )?seurat | (?:paul )?signac | (?:camille )?pissarro",
    "(?:alfred )?sisley | (?:gustav )?klimt | (?:egon )?schiele | (?:edvard )?munch",
    "(?:wassily )?kandinsky | paul klee | (?:piet )?mondrian | franz marc | (?:salvador )?dal[ií]",
    "(?:ren[eé] )?magritte | joan mir[oó] | (?:marc )?chagall | (?:frida )?kahlo",
    "(?:rembrandt )?(?:van rijn) | rembrandt | (?:johannes |jan )?vermeer | (?:peter paul )?rubens",
    "frans hals | (?:leonardo )?da vinci | michelangelo | raphael sanzio | botticelli | (?:tintoretto)",
    "titian | caravaggio | (?:diego )?vel[aá]zquez | (?:francisco )?(?:de )?goya | el greco",
    "(?:albrecht )?d[uü]rer | hieronymus bosch | (?:pieter )?bruegel | (?:pieter )?brueghel",
    "jan van eyck | hans holbein | giotto | jacques louis david | (?:eug[eè]ne )?delacroix",
    "(?:gustave )?courbet | camille corot | (?:gustave )?dor[eé] | caspar david friedrich",
    r"(?:j\.?\s?m\.?\s?w\.? |william )turner | john constable | john singer sargent | winslow homer",
    "edward hopper | (?:andy )?warhol | (?:roy )?lichtenstein | (?:jackson )?pollock | (?:mark )?rothko",
    "keith haring | banksy | (?:jean michel )?basquiat | georgia o['’]keeffe | grant wood",
    "norman rockwell | (?:katsushika )?hokusai | (?:utagawa )?hiroshige | (?:kitagawa )?utamaro",
    r"(?:alphonse |alfons )?mucha | (?:hayao )?miyazaki | (?:m\.?\s?c\.? )?escher | (?:h\.?\s?r\.? )giger",
    "(?:greg )?rutkowski | artgerm | james jean | moebius | (?:ivan )?aivazovsky | (?:ivan )?shishkin",
    "(?:ilya )?repin | bob ross | thomas kinkade | leonid afremov | (?:henri )?rousseau",
    "(?:amedeo )?modigliani | toulouse lautrec | aubrey beardsley | william blake | beatrix potter",
    "studio ghibli | walt disney | tim burton | zdzis[lł]aw beksi[nń]ski | beksinski",
)
