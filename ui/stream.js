// Keeps the stream of Gradio's answers whole. Gradio's server ends it when nothing is left to do; where the page sends
// the next event in that very moment, its client believes that the stream is still open, and the page hears no answer any
// more. Here the stream is opened again as long as an event waits for its answer, and the client is told of no end.
(() => {
  const STREAM = "/queue/data";
  const JOIN = "/queue/join";
  const plain = window.fetch.bind(window);
  const waiting = new Set(); // events that were sent and are not answered
  const early = new Set(); // events whose answer came before the server had said which number they have
  let wake = () => {};

  const sent = async (response) => {
    const { event_id: id } = await response.json();
    if (!id || early.delete(id)) return;
    waiting.add(id);
    wake();
  };

  const answered = (block) => {
    const id = /"event_id":"([^"]+)"/.exec(block.slice(0, 300))?.[1];
    if (id && !waiting.delete(id)) early.add(id);
  };

  // Passes messages on, one by one, but for the one that says that there will be no more.
  const pass = async (body, into) => {
    const [reader, decoder, encoder] = [body.getReader(), new TextDecoder(), new TextEncoder()];
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        if (block.startsWith('data: {"msg":"close_stream"')) continue;
        if (block.startsWith('data: {"msg":"process_completed"')) answered(block);
        if (block.startsWith('data: {"msg":"unexpected_error"')) waiting.clear(); // the server has forgotten them
        into.enqueue(encoder.encode(`${block}\n\n`));
      }
    }
  };

  const kept = async (request) => {
    const again = () => plain(request.url, { headers: request.headers, signal: request.signal });
    const first = await again();
    if (!first.ok) return first;
    const run = async (into) => {
      let response = first;
      try {
        for (;;) {
          await pass(response.body, into);
          if (!waiting.size) {
            await new Promise((resolve, reject) => {
              wake = resolve;
              request.signal.addEventListener("abort", () => reject(request.signal.reason), { once: true });
            });
          }
          response = await again();
          if (!response.ok) return void into.close(); // the server has forgotten this page: its client says so
        }
      } catch (error) {
        if (request.signal.aborted) into.close(); // the page is being left
        else into.error(error);
      }
    };
    const body = new ReadableStream({ start: (into) => void run(into) });
    return new Response(body, { status: first.status, headers: first.headers });
  };

  window.fetch = async (input, init) => {
    const path = new URL(input instanceof Request ? input.url : input, window.location.href).pathname;
    if (path.endsWith(STREAM)) return kept(new Request(input, init));
    const response = await plain(input, init);
    if (path.endsWith(JOIN) && response.ok) void sent(response.clone());
    return response;
  };
})();
