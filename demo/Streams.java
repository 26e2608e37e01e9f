import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;

/**
 * A Kafka Streams application that counts the records of a topic by key, in RocksDB.
 *
 * Arguments: bootstrap, application id, topic, state folder, and its group.protocol where that is
 * not to be the usual one. Prints "ready" once it runs; answers every line of standard input with
 * its state. End of input ends it.
 */
public class Streams {
  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("application.id", args[1]);
    settings.put("client.id", args[1]);
    settings.put("state.dir", args[3]);
    settings.put("num.stream.threads", "1");
    if (args.length > 4) {
      settings.put("group.protocol", args[4]);
    }
    settings.put("commit.interval.ms", "200");
    settings.put("auto.offset.reset", "earliest");
    settings.put("default.key.serde", Serdes.ByteArraySerde.class.getName());
    settings.put("default.value.serde", Serdes.ByteArraySerde.class.getName());
    StreamsBuilder builder = new StreamsBuilder();
    builder.<byte[], byte[]>stream(args[2])
        .groupBy((key, value) -> value)
        .count(Materialized.as("counts"));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    CountDownLatch running = new CountDownLatch(1);
    streams.setStateListener(
        (now, before) -> {
          if (now != KafkaStreams.State.REBALANCING) {
            running.countDown();
          }
        });
    streams.start();
    running.await();
    System.out.println("ready");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(streams.state());
    }
    streams.close(Duration.ofSeconds(10));
    System.exit(0);
  }
}
